import { u64 } from './attribute-codecs.ts'
import { type AttributeCodec, attributeTable } from './attributes.ts'
import { ByteReader } from './byte-reader.ts'
import { malformed } from './errors.ts'
import { type Message, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, type Request } from './messages.ts'
import { burstTicks, LINKLAYER_ETHERNET, ticksBurst } from './token-bucket.ts'
import {
  readTrafficControlHeader,
  startTrafficControl,
  TCA_OPTIONS,
  trafficControlAttributes,
} from './traffic-control.ts'

/**
 * The `htb` qdisc and its classes, of which written is one form: a class that lets packets go at its rate, whatever
 * others do. TCA_HTB_*, `struct tc_htb_opt`, `struct tc_htb_glob` (linux/pkt_sched.h); `tc class`.
 */

export const RTM_NEWTCLASS = 40
export const RTM_DELTCLASS = 41
const RTM_GETTCLASS = 42

/** HTB_VER, the upper half. */
const VERSION = 3
const RATE_TO_QUANTUM = 10
/** Bytes that a class sends before another has its turn; without it, the kernel complains of high and of low rates. */
const QUANTUM = 60_000
const U32_MAX = 0xffff_ffff

export interface TrafficClass {
  readonly linkIndex: number
  /** `71:1` is 0x71_0001. */
  readonly handle: number
  readonly parent: number
  /** Bytes per second. */
  readonly rate: number
  /** Bytes that may leave at once; kept as that of a token bucket is, see `keptBurst`. */
  readonly burst: number
}

interface Parameters {
  readonly rate: number
  /** In ticks. */
  readonly buffer: number
}

const parameters: AttributeCodec<Parameters> = {
  write(writer, { rate, buffer }) {
    // struct tc_ratespec twice: what it may send, and what it may borrow, which is no more.
    for (let n = 0; n < 2; n += 1) writer.u8(0).u8(LINKLAYER_ETHERNET).zeros(6).u32(rate)
    writer.u32(buffer).u32(buffer).u32(QUANTUM).zeros(8)
  },
  read(payload) {
    const rate = payload.skip(8).u32()
    return { rate, buffer: payload.skip(12).u32() }
  },
}

/** The minor number of the class for packets that no filter has one for; 0 lets them go at once. */
const defaultClass: AttributeCodec<number> = {
  write: (writer, minor) => void writer.u32(VERSION).u32(RATE_TO_QUANTUM).u32(minor).zeros(8),
  read: payload => payload.skip(8).u32(),
}

export const htbFields = {
  parameters: [1, 'TCA_HTB_PARMS', parameters],
  defaultClass: [2, 'TCA_HTB_INIT', defaultClass],
  rate64: [6, 'TCA_HTB_RATE64', u64],
  ceil64: [7, 'TCA_HTB_CEIL64', u64],
} as const

export const htbAttributes = attributeTable(htbFields)

/** `tc class add ... htb rate ... burst ...`. EEXIST if it is there; ENOENT if the link has no such qdisc. */
export function addClass({ linkIndex, handle, parent, rate, burst }: TrafficClass): Request {
  const writer = startTrafficControl({ linkIndex, handle, parent })
  trafficControlAttributes.write(writer, { kind: 'htb' })
  const large = rate > U32_MAX ? { rate64: BigInt(rate), ceil64: BigInt(rate) } : {}
  writer.attribute(TCA_OPTIONS, true, () =>
    htbAttributes.write(writer, {
      parameters: { rate: Math.min(rate, U32_MAX), buffer: burstTicks(rate, burst) },
      ...large,
    }),
  )
  const what = `add a class of rate ${rate} to link ${linkIndex}`
  return { type: RTM_NEWTCLASS, flags: NLM_F_CREATE | NLM_F_EXCL, body: writer.finish(), what }
}

/** Undefined for a class of another kind. @throws NetlinkError `netlink.malformed` */
export function decodeClass(message: Message): TrafficClass | undefined {
  if (message.type !== RTM_NEWTCLASS && message.type !== RTM_DELTCLASS) {
    throw malformed('a class', `message type ${message.type}`)
  }
  const reader = ByteReader.over(message.body)
  const { linkIndex, handle, parent } = readTrafficControlHeader(reader)
  const { kind, options } = trafficControlAttributes.read(reader)
  if (kind !== 'htb' || options === undefined) return undefined
  const { parameters, rate64 } = htbAttributes.read(ByteReader.over(options))
  if (parameters === undefined) return undefined
  const rate = rate64 === undefined ? parameters.rate : Number(rate64)
  return { linkIndex, handle, parent, rate, burst: ticksBurst(rate, parameters.buffer) }
}

/** `tc class show dev ...`, for `NetlinkClient.dump`. */
export function listClasses(linkIndex: number): Request {
  const body = startTrafficControl({ linkIndex }).finish()
  return { type: RTM_GETTCLASS, flags: NLM_F_DUMP, body, what: `list classes of link ${linkIndex}` }
}
