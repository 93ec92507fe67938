import { u64 } from './attribute-codecs.ts'
import { type AttributeCodec, attributeTable } from './attributes.ts'

/** The options of the `tbf` qdisc: TCA_TBF_*, `struct tc_tbf_qopt` (linux/pkt_sched.h). */

export interface TokenBucket {
  /** Bytes per second. */
  readonly rate: number
  /** Bytes that may leave at once; the kernel keeps the time that they take, see `keptBurst`. */
  readonly burst: number
  /** Bytes that may wait. */
  readonly limit: number
}

/** TC_LINKLAYER_ETHERNET: the kernel computes times itself; without it, it wants a table of them. */
export const LINKLAYER_ETHERNET = 1
/** The kernel's unit of time, PSCHED_TICKS2NS. */
const TICK_NS = 64n
const SECOND_NS = 1_000_000_000n
const U32_MAX = 0xffff_ffff
/** Some 274 seconds. */
const MAX_TICKS = BigInt(U32_MAX)

interface Parameters {
  /** U32_MAX if it is more. */
  readonly rate: number
  readonly limit: number
  /** The burst, in ticks. */
  readonly buffer: number
}

const parameters: AttributeCodec<Parameters> = {
  write(writer, { rate, limit, buffer }) {
    // struct tc_ratespec twice: the rate, and no peak rate.
    writer.u8(0).u8(LINKLAYER_ETHERNET).zeros(6).u32(rate).zeros(12)
    writer.u32(limit).u32(buffer).u32(0)
  },
  read(payload) {
    const rate = payload.skip(8).u32()
    return { rate, limit: payload.skip(12).u32(), buffer: payload.u32() }
  },
}

export const tokenBucketFields = {
  parameters: [1, 'TCA_TBF_PARMS', parameters],
  rate64: [4, 'TCA_TBF_RATE64', u64],
} as const

const attributes = attributeTable(tokenBucketFields)

export const tokenBucketOptions: AttributeCodec<TokenBucket | undefined> = {
  nested: true,
  write(writer, bucket) {
    if (bucket === undefined) return
    const { rate, burst, limit } = bucket
    attributes.write(writer, {
      parameters: { rate: Math.min(rate, U32_MAX), limit, buffer: burstTicks(rate, burst) },
      ...(rate > U32_MAX ? { rate64: BigInt(rate) } : {}),
    })
  },
  read(payload) {
    const { parameters, rate64 } = attributes.read(payload)
    if (parameters === undefined) return undefined
    const rate = rate64 === undefined ? parameters.rate : Number(rate64)
    return { rate, burst: ticksBurst(rate, parameters.buffer), limit: parameters.limit }
  },
}

/**
 * The burst that the kernel reports when it was asked for this one, in bytes: as many as fit the same time, which is
 * some more where many bytes pass in a tick. Time is rounded up, so that a packet of that size still passes.
 */
export function keptBurst(rate: number, burst: number): number {
  return bytesOf(rate, ticksOf(rate, burst))
}

/** What the kernel keeps of a burst: its time at this rate, in ticks. */
export function burstTicks(rate: number, burst: number): number {
  return Number(ticksOf(rate, burst))
}

/** And back, in bytes. */
export function ticksBurst(rate: number, ticks: number): number {
  return bytesOf(rate, BigInt(ticks))
}

function ticksOf(rate: number, burst: number): bigint {
  if (rate === 0) return 0n
  const tickBytes = BigInt(rate) * TICK_NS
  const ticks = (BigInt(burst) * SECOND_NS + tickBytes - 1n) / tickBytes
  return ticks < MAX_TICKS ? ticks : MAX_TICKS
}

function bytesOf(rate: number, ticks: bigint): number {
  return Number((BigInt(rate) * ticks * TICK_NS) / SECOND_NS)
}
