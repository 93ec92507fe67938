import { parseAddress } from '../ip/index.ts'
import { ByteReader } from './byte-reader.ts'
import { malformed } from './errors.ts'
import { AF_UNSPEC, addressFamilyNumber, familyOf, isIp } from './families.ts'
import {
  type Message,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  type Request,
} from './messages.ts'
import {
  type NeighbourState,
  NTF_PROXY,
  neighbourAttributes,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
  readNeighbourHeader,
  startNeighbour,
} from './neighbour-wire.ts'

/** Neighbours (ARP and NDP entries): RTM_NEWNEIGH... (linux/neighbour.h); `ip neighbour`. */

export interface Neighbour {
  readonly linkIndex: number
  readonly address: string
  /** Absent while it is being resolved, and for proxy entries. */
  readonly mac?: string
  readonly state: NeighbourState
  /** NTF_*. */
  readonly flags: number
  /** NTF_PROXY: the machine answers for this address. */
  readonly proxy: boolean
  /** NDA_PROTOCOL: RTPROT_* or the creator's own number. */
  readonly protocol?: number
}

/** What is left out: state permanent, no flags. */
export type NeighbourSpec = Pick<Neighbour, 'linkIndex' | 'address'> & Partial<Neighbour>

export function encodeNeighbour(neighbour: NeighbourSpec): Uint8Array {
  const writer = startNeighbour({
    family: addressFamilyNumber(parseAddress(neighbour.address).family),
    linkIndex: neighbour.linkIndex,
    state: neighbour.state ?? 'permanent',
    flags: (neighbour.flags ?? 0) | (neighbour.proxy === true ? NTF_PROXY : 0),
    type: 0,
  })
  const { mac, protocol } = neighbour
  neighbourAttributes.write(writer, {
    dst: neighbour.address,
    ...(mac === undefined ? {} : { mac }),
    ...(protocol === undefined ? {} : { protocol }),
  })
  return writer.finish()
}

/** @throws NetlinkError `netlink.malformed`, also for a forwarding entry (see `decodeFdb`) */
export function decodeNeighbour(message: Message): Neighbour {
  if (message.type !== RTM_NEWNEIGH && message.type !== RTM_DELNEIGH) {
    throw malformed('a neighbour', `message type ${message.type}`)
  }
  const reader = ByteReader.over(message.body)
  const header = readNeighbourHeader(reader)
  familyOf(header.family, 'a neighbour')
  const { dst, mac, protocol } = neighbourAttributes.read(reader)
  if (dst === undefined) throw malformed('a neighbour', 'it has no NDA_DST')
  return {
    linkIndex: header.linkIndex,
    address: dst,
    ...(mac === undefined ? {} : { mac }),
    state: header.state,
    flags: header.flags,
    proxy: (header.flags & NTF_PROXY) !== 0,
    ...(protocol === undefined ? {} : { protocol }),
  }
}

/** `ip neighbour add`. EEXIST if the link has an entry for the address, learned ones included. */
export function addNeighbour(neighbour: NeighbourSpec): Request {
  return change('add', NLM_F_CREATE | NLM_F_EXCL, neighbour)
}

/** `ip neighbour replace`. */
export function replaceNeighbour(neighbour: NeighbourSpec): Request {
  return change('replace', NLM_F_CREATE | NLM_F_REPLACE, neighbour)
}

/** `ip neighbour delete`. ENOENT if there is none. */
export function deleteNeighbour(neighbour: Pick<NeighbourSpec, 'linkIndex' | 'address' | 'proxy'>): Request {
  return { ...change('delete', 0, neighbour), type: RTM_DELNEIGH }
}

function change(verb: string, flags: number, neighbour: NeighbourSpec): Request {
  const what = `${verb} neighbour ${neighbour.address} on link ${neighbour.linkIndex}`
  return { type: RTM_NEWNEIGH, flags, body: encodeNeighbour(neighbour), what }
}

/** `ip neighbour show [dev]`, for `NetlinkClient.dump`; the kernel filters. Proxy entries need `proxy`. */
export function listNeighbours(
  filter: { readonly family?: 4 | 6; readonly linkIndex?: number; readonly proxy?: boolean } = {},
): Request {
  const writer = startNeighbour({
    family: filter.family === undefined ? AF_UNSPEC : addressFamilyNumber(filter.family),
    linkIndex: 0,
    state: 'none',
    flags: filter.proxy === true ? NTF_PROXY : 0,
    type: 0,
  })
  neighbourAttributes.write(writer, filter.linkIndex === undefined ? {} : { viaIndex: filter.linkIndex })
  return {
    type: RTM_GETNEIGH,
    flags: NLM_F_DUMP,
    body: writer.finish(),
    keeps: isIp,
    what: 'list neighbours',
  }
}
