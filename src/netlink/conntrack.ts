import type { Family } from '../ip/index.ts'
import { be16, be32, ipAddress, u8, u32 } from './attribute-codecs.ts'
import { attributeTable } from './attributes.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { malformed } from './errors.ts'
import { addressFamilyNumber, familyOf } from './families.ts'
import { type Message, NLM_F_DUMP, type Request } from './messages.ts'

/** Tracked connections: CTA_* (linux/netfilter/nfnetlink_conntrack.h); `conntrack`. Over a netfilter socket. */

/** NFNL_SUBSYS_CTNETLINK << 8. */
const SUBSYSTEM = 0x0100
const IPCTNL_MSG_CT_NEW = SUBSYSTEM | 0
const IPCTNL_MSG_CT_GET = SUBSYSTEM | 1
const IPCTNL_MSG_CT_DELETE = SUBSYSTEM | 2

/** A connection as its first packet was, before anything was translated. */
export interface Flow {
  readonly family: Family
  readonly source: string
  readonly destination: string
  /** IPPROTO_*. */
  readonly protocol: number
  readonly sourcePort: number
  readonly destinationPort: number
  /** Given by the kernel: no other connection has it while it lives. */
  readonly id?: number
  readonly zone?: number
}

/** Which to list; `destination` is any if it is left out. */
export type FlowFilter = Pick<Flow, 'family' | 'protocol' | 'destinationPort'> &
  Partial<Pick<Flow, 'destination'>>

export const tupleAddressFields = {
  source4: [1, 'CTA_IP_V4_SRC', ipAddress],
  destination4: [2, 'CTA_IP_V4_DST', ipAddress],
  source6: [3, 'CTA_IP_V6_SRC', ipAddress],
  destination6: [4, 'CTA_IP_V6_DST', ipAddress],
} as const

export const tupleProtocolFields = {
  protocol: [1, 'CTA_PROTO_NUM', u8],
  sourcePort: [2, 'CTA_PROTO_SRC_PORT', be16],
  destinationPort: [3, 'CTA_PROTO_DST_PORT', be16],
} as const

export const tupleFields = {
  addresses: [1, 'CTA_TUPLE_IP', attributeTable(tupleAddressFields)],
  protocol: [2, 'CTA_TUPLE_PROTO', attributeTable(tupleProtocolFields)],
} as const

/** Which parts of a tuple must be equal: bits of net/netfilter/nf_internals.h. */
export const flowFilterFields = { original: [1, 'CTA_FILTER_ORIG_FLAGS', u32] } as const

const FILTER_DESTINATION = 0x02
const FILTER_PROTOCOL = 0x08
const FILTER_DESTINATION_PORT = 0x20

export const flowFields = {
  original: [1, 'CTA_TUPLE_ORIG', attributeTable(tupleFields)],
  id: [12, 'CTA_ID', be32],
  zone: [18, 'CTA_ZONE', be16],
  filter: [25, 'CTA_FILTER', attributeTable(flowFilterFields)],
} as const

const attributes = attributeTable(flowFields)

/** `conntrack -L`, for `NetlinkClient.dump`. The kernel filters (since 5.8). */
export function listFlows({ family, protocol, destinationPort, destination }: FlowFilter): Request {
  const writer = start(family)
  const original = FILTER_PROTOCOL | FILTER_DESTINATION_PORT
  attributes.write(writer, {
    original: {
      addresses: destination === undefined ? {} : addressesOf(family, { destination }),
      protocol: { protocol, destinationPort },
    },
    filter: { original: destination === undefined ? original : original | FILTER_DESTINATION },
  })
  const what = `list connections to port ${destinationPort}`
  return { type: IPCTNL_MSG_CT_GET, flags: NLM_F_DUMP, body: writer.finish(), what }
}

/** `conntrack -D`: ENOENT if it is gone. The next packet is looked at as the first of a connection. */
export function deleteFlow(flow: Flow): Request {
  return {
    type: IPCTNL_MSG_CT_DELETE,
    flags: 0,
    body: encodeFlow(flow),
    what: `delete the connection of ${flow.source} to ${flow.destination} port ${flow.destinationPort}`,
  }
}

export function encodeFlow(flow: Flow): Uint8Array {
  const { family, source, destination, protocol, sourcePort, destinationPort, id, zone } = flow
  const writer = start(family)
  attributes.write(writer, {
    original: {
      addresses: addressesOf(family, { source, destination }),
      protocol: { protocol, sourcePort, destinationPort },
    },
    ...(id === undefined ? {} : { id }),
    ...(zone === undefined ? {} : { zone }),
  })
  return writer.finish()
}

/** @throws NetlinkError `netlink.malformed`, also for protocols without ports */
export function decodeFlow(message: Message): Flow {
  const what = 'a tracked connection'
  if (message.type !== IPCTNL_MSG_CT_NEW) throw malformed(what, `message type ${message.type}`)
  const reader = ByteReader.over(message.body)
  const family = familyOf(reader.u8(), what)
  const { original, id, zone } = attributes.read(reader.skip(3))
  const { source4, source6, destination4, destination6 } = original?.addresses ?? {}
  const [source, destination] = family === 4 ? [source4, destination4] : [source6, destination6]
  const { protocol, sourcePort, destinationPort } = original?.protocol ?? {}
  if (source === undefined || destination === undefined) throw malformed(what, 'it has no addresses')
  if (protocol === undefined || sourcePort === undefined || destinationPort === undefined) {
    throw malformed(what, 'it has no ports')
  }
  return {
    family,
    source,
    destination,
    protocol,
    sourcePort,
    destinationPort,
    ...(id === undefined ? {} : { id }),
    ...(zone === undefined ? {} : { zone }),
  }
}

function addressesOf(
  family: Family,
  { source, destination }: { readonly source?: string; readonly destination: string },
) {
  return family === 4
    ? { ...(source === undefined ? {} : { source4: source }), destination4: destination }
    : { ...(source === undefined ? {} : { source6: source }), destination6: destination }
}

/** A writer that stands behind nfgenmsg. */
function start(family: Family): ByteWriter {
  return new ByteWriter().u8(addressFamilyNumber(family)).u8(0).be16(0)
}
