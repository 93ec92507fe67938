import { ByteReader } from './byte-reader.ts'
import { malformed } from './errors.ts'
import { AF_BRIDGE } from './families.ts'
import {
  type Message,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  type Request,
} from './messages.ts'
import {
  NTF_MASTER,
  NTF_SELF,
  neighbourAttributes,
  neighbourStates,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
  readNeighbourHeader,
  startNeighbour,
} from './neighbour-wire.ts'

/** Forwarding entries of bridges and vxlan links: RTM_NEWNEIGH of family AF_BRIDGE; `bridge fdb`. */

/**
 * As `bridge` names them; each is one or two NUD_* bits. `permanent` never ages (in a bridge's own table it is an
 * address of the bridge itself), `static` neither, `dynamic` was learned or ages, `stale` has aged.
 */
export type FdbState = 'permanent' | 'static' | 'dynamic' | 'stale'

const NUD_REACHABLE = 2
const NUD_STALE = 4
const NUD_NOARP = 64
const NUD_PERMANENT = 128
const stateBits: Readonly<Record<FdbState, number>> = {
  permanent: NUD_PERMANENT | NUD_NOARP,
  static: NUD_NOARP | NUD_REACHABLE,
  dynamic: NUD_REACHABLE,
  stale: NUD_STALE,
}

function stateOf(bits: number): FdbState {
  if ((bits & NUD_PERMANENT) !== 0) return 'permanent'
  if ((bits & NUD_NOARP) !== 0) return 'static'
  return (bits & NUD_STALE) !== 0 ? 'stale' : 'dynamic'
}

export interface Fdb {
  readonly linkIndex: number
  readonly mac: string
  /** vxlan: underlay address of the remote VTEP. */
  readonly dst?: string
  /** vxlan: UDP port, VNI and underlay device, where they are not the link's own. */
  readonly port?: number
  readonly vni?: number
  readonly viaIndex?: number
  readonly state: FdbState
  /** NTF_SELF: the device's own table. Else the table of the bridge whose port it is. */
  readonly self: boolean
  /** NTF_*, `self` included. */
  readonly flags: number
  readonly vlan?: number
  /** The bridge. */
  readonly masterIndex?: number
}

/** What is left out: permanent, in the device's own table. `self: false` means the bridge's. */
export type FdbSpec = Pick<Fdb, 'linkIndex' | 'mac'> & Partial<Fdb>

export function encodeFdb(entry: FdbSpec): Uint8Array {
  const table = entry.self === false ? NTF_MASTER : NTF_SELF
  const writer = startNeighbour({
    family: AF_BRIDGE,
    linkIndex: entry.linkIndex,
    state: stateBits[entry.state ?? 'permanent'],
    flags: (entry.flags ?? 0) | table,
    type: 0,
  })
  const { mac, dst, port, vni, viaIndex, vlan } = entry
  neighbourAttributes.write(writer, {
    mac,
    ...(dst === undefined ? {} : { dst }),
    ...(port === undefined ? {} : { port }),
    ...(vni === undefined ? {} : { vni }),
    ...(viaIndex === undefined ? {} : { viaIndex }),
    ...(vlan === undefined ? {} : { vlan }),
  })
  return writer.finish()
}

/** True for the RTM_NEWNEIGH and RTM_DELNEIGH messages that are forwarding entries. */
export function isFdb(message: Message): boolean {
  return message.body[0] === AF_BRIDGE
}

/** @throws NetlinkError `netlink.malformed` */
export function decodeFdb(message: Message): Fdb {
  if ((message.type !== RTM_NEWNEIGH && message.type !== RTM_DELNEIGH) || !isFdb(message)) {
    throw malformed('a forwarding entry', `message type ${message.type}, family ${message.body[0]}`)
  }
  const reader = ByteReader.over(message.body)
  const { linkIndex, state, flags } = readNeighbourHeader(reader)
  const { mac, protocol: _unused, ...rest } = neighbourAttributes.read(reader)
  if (mac === undefined) throw malformed('a forwarding entry', 'it has no NDA_LLADDR')
  return {
    linkIndex,
    mac,
    state: stateOf(neighbourStates.toNumber(state)),
    self: (flags & NTF_SELF) !== 0,
    flags,
    ...rest,
  }
}

/** `bridge fdb add`. EEXIST if the table has the MAC. */
export function addFdb(entry: FdbSpec): Request {
  return change('add', NLM_F_CREATE | NLM_F_EXCL, entry)
}

/** `bridge fdb replace`: of one MAC there is then one destination. */
export function replaceFdb(entry: FdbSpec): Request {
  return change('replace', NLM_F_CREATE | NLM_F_REPLACE, entry)
}

/** `bridge fdb append`: one more destination of a multicast or all-zeros MAC on a vxlan. */
export function appendFdb(entry: FdbSpec): Request {
  return change('append', NLM_F_CREATE | NLM_F_APPEND, entry)
}

/** `bridge fdb delete`. Of several destinations only `dst`, if it is given. ENOENT if there is none. */
export function deleteFdb(entry: FdbSpec): Request {
  return { ...change('delete', 0, entry), type: RTM_DELNEIGH }
}

function change(verb: string, flags: number, entry: FdbSpec): Request {
  const dst = entry.dst === undefined ? '' : ` to ${entry.dst}`
  const what = `${verb} forwarding entry ${entry.mac}${dst} on link ${entry.linkIndex}`
  return { type: RTM_NEWNEIGH, flags, body: encodeFdb(entry), what }
}

/** `bridge fdb show [dev | br]`, for `NetlinkClient.dump`; the kernel filters. */
export function listFdb(
  filter: { readonly linkIndex?: number; readonly masterIndex?: number } = {},
): Request {
  const { linkIndex = 0, masterIndex } = filter
  const writer = startNeighbour({ family: AF_BRIDGE, linkIndex, state: 'none', flags: 0, type: 0 })
  neighbourAttributes.write(writer, masterIndex === undefined ? {} : { masterIndex })
  return { type: RTM_GETNEIGH, flags: NLM_F_DUMP, body: writer.finish(), what: 'list forwarding entries' }
}
