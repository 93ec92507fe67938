import { type AddressMatch, keysOf, matchOf, protocolOf, selector, type U32Key } from './address-match.ts'
import { binary, text, u32 } from './attribute-codecs.ts'
import { type AttributeCodec, attributeTable, listOf } from './attributes.ts'
import { ByteReader } from './byte-reader.ts'
import { malformed } from './errors.ts'
import { type Message, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, type Request } from './messages.ts'
import {
  readTrafficControlHeader,
  startTrafficControl,
  TC_H_INGRESS_FILTERS,
  TCA_OPTIONS,
  trafficControlAttributes,
} from './traffic-control.ts'

/**
 * Filters: RTM_NEWTFILTER; `tc filter`. Written are two forms of `u32`: one that matches every packet that came in by a
 * link and sends it out by another, and one that gives packets of a prefix to a class of a qdisc (linux/pkt_cls.h,
 * linux/tc_act/tc_mirred.h).
 */

export const RTM_NEWTFILTER = 44
export const RTM_DELTFILTER = 45
const RTM_GETTFILTER = 46

/** All protocols, in network byte order as `tcm_info` has it (linux/if_ether.h). */
const ETH_P_ALL = 0x0300
/** The packet is ours now (linux/pkt_cls.h). */
const TC_ACT_STOLEN = 4
const TCA_EGRESS_REDIR = 1
/** A key that looks at nothing. */
const ANYTHING: U32Key = { mask: 0, value: 0, offset: 0 }

export interface Filter {
  readonly linkIndex: number
  /** TC_H_INGRESS_FILTERS for those of ingress. */
  readonly parent: number
  /** Lower ones are asked first. 0 in a message that the whole chain goes. */
  readonly priority: number
  readonly kind?: string
  /** Of a `u32` that takes every packet: the link by which they leave instead. 0 if that link is gone. */
  readonly redirectIndex?: number
  /** Of a `u32` that gives packets of a prefix to a class. */
  readonly match?: ClassMatch
}

export interface ClassMatch extends AddressMatch {
  readonly classId: number
}

export interface RedirectSpec {
  readonly linkIndex: number
  readonly priority: number
  readonly redirectIndex: number
}

/** `struct tc_mirred`; undefined for a mirror, or a redirect into a link instead of out of it. */
const redirectTo: AttributeCodec<number | undefined> = {
  write: (writer, index) =>
    void writer
      .zeros(8)
      .i32(TC_ACT_STOLEN)
      .zeros(8)
      .i32(TCA_EGRESS_REDIR)
      .u32(index ?? 0),
  read(payload) {
    const direction = payload.skip(20).i32()
    const index = payload.u32()
    return direction === TCA_EGRESS_REDIR ? index : undefined
  },
}

export const mirredFields = { redirectIndex: [2, 'TCA_MIRRED_PARMS', redirectTo] } as const
const mirredAttributes = attributeTable(mirredFields)

export const actionFields = {
  kind: [1, 'TCA_ACT_KIND', text],
  options: [2, 'TCA_ACT_OPTIONS', binary],
} as const
const actionAttributes = attributeTable(actionFields)

/** One action; of another kind than `mirred` it is undefined. */
const action: AttributeCodec<number | undefined> = {
  nested: true,
  write(writer, redirectIndex) {
    actionAttributes.write(writer, { kind: 'mirred' })
    const [options] = actionFields.options
    writer.attribute(options, true, () => mirredAttributes.write(writer, { redirectIndex }))
  },
  read(payload) {
    const { kind, options } = actionAttributes.read(payload)
    if (kind !== 'mirred' || options === undefined) return undefined
    return mirredAttributes.read(ByteReader.over(options)).redirectIndex
  },
}

/** Actions are numbered from 1, in the order in which they act. */
export const u32Fields = {
  classId: [1, 'TCA_U32_CLASSID', u32],
  keys: [5, 'TCA_U32_SEL', selector],
  actions: [7, 'TCA_U32_ACT', listOf(1, action)],
} as const
const u32Attributes = attributeTable(u32Fields)

/** @throws NetlinkError `netlink.malformed` */
export function decodeFilter(message: Message): Filter {
  if (message.type !== RTM_NEWTFILTER && message.type !== RTM_DELTFILTER) {
    throw malformed('a filter', `message type ${message.type}`)
  }
  const reader = ByteReader.over(message.body)
  const { linkIndex, parent, info } = readTrafficControlHeader(reader)
  const { kind, options } = trafficControlAttributes.read(reader)
  const found = kind === 'u32' && options !== undefined ? readU32(options, info & 0xffff) : {}
  return {
    linkIndex,
    parent,
    priority: info >>> 16,
    ...(kind === undefined ? {} : { kind }),
    ...found,
  }
}

function readU32(options: Uint8Array, protocol: number): Pick<Filter, 'redirectIndex' | 'match'> {
  const { keys, actions, classId } = u32Attributes.read(ByteReader.over(options))
  const redirectIndex = keys?.every(({ mask }) => mask === 0) === true ? actions?.[0] : undefined
  if (redirectIndex !== undefined) return { redirectIndex }
  const match = keys === undefined || actions !== undefined ? undefined : matchOf(protocol, keys)
  return match === undefined || classId === undefined ? {} : { match: { ...match, classId } }
}

/**
 * `tc filter add ... ingress ... u32 match u32 0 0 action mirred egress redirect dev ...`. Beside others of this priority:
 * a handle cannot be asked for, since filters of all priorities share them, and it might be another program's.
 * EINVAL if the link has no `ingress` or `clsact` qdisc, or another kind of filter of this priority.
 */
export function addRedirect({ linkIndex, priority, redirectIndex }: RedirectSpec): Request {
  const info = ((priority << 16) | ETH_P_ALL) >>> 0
  const writer = startTrafficControl({ linkIndex, parent: TC_H_INGRESS_FILTERS, info })
  trafficControlAttributes.write(writer, { kind: 'u32' })
  writer.attribute(TCA_OPTIONS, true, () =>
    u32Attributes.write(writer, { keys: [ANYTHING], actions: [redirectIndex] }),
  )
  const what = `redirect what comes in by link ${linkIndex} to link ${redirectIndex}`
  return { type: RTM_NEWTFILTER, flags: NLM_F_CREATE | NLM_F_EXCL, body: writer.finish(), what }
}

export interface ClassFilterSpec {
  readonly linkIndex: number
  /** The qdisc. */
  readonly parent: number
  readonly priority: number
  readonly match: ClassMatch
}

/** `tc filter add ... parent ... u32 match ip dst ... classid ...`. Filters of one priority are of one family. */
export function addClassFilter({ linkIndex, parent, priority, match }: ClassFilterSpec): Request {
  const info = ((priority << 16) | protocolOf(match)) >>> 0
  const writer = startTrafficControl({ linkIndex, parent, info })
  trafficControlAttributes.write(writer, { kind: 'u32' })
  writer.attribute(TCA_OPTIONS, true, () =>
    u32Attributes.write(writer, { classId: match.classId, keys: keysOf(match) }),
  )
  const what = `put what has the ${match.by} ${match.prefix} into a class of link ${linkIndex}`
  return { type: RTM_NEWTFILTER, flags: NLM_F_CREATE | NLM_F_EXCL, body: writer.finish(), what }
}

/**
 * `tc filter delete ... ingress pref ... u32`: all of the priority. ENOENT if there is none; EINVAL if they are of another
 * kind, or there is no qdisc for them.
 */
export function deleteFilters(linkIndex: number, priority: number): Request {
  const info = (priority << 16) >>> 0
  const writer = startTrafficControl({ linkIndex, parent: TC_H_INGRESS_FILTERS, info })
  trafficControlAttributes.write(writer, { kind: 'u32' })
  const what = `delete filters of priority ${priority} on link ${linkIndex}`
  return { type: RTM_DELTFILTER, flags: 0, body: writer.finish(), what }
}

/** `tc filter show dev ... ingress`, or of the qdisc `parent`, for `NetlinkClient.dump`. */
export function listFilters(linkIndex: number, parent: number = TC_H_INGRESS_FILTERS): Request {
  const body = startTrafficControl({ linkIndex, parent }).finish()
  return { type: RTM_GETTFILTER, flags: NLM_F_DUMP, body, what: `list filters of link ${linkIndex}` }
}
