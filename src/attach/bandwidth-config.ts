import * as v from 'valibot'
import { readKeys } from './config-keys.ts'
import { invalidConfiguration, unsupportedField } from './errors.ts'

/** What the `bandwidth` plugin limits; no limit where there is none. */
export interface BandwidthConfig {
  /** Of what the pod receives. */
  readonly ingress?: BandwidthLimit
  /** Of what it sends. */
  readonly egress?: BandwidthLimit
}

export interface BandwidthLimit {
  /** Bits per second. */
  readonly rateBps: number
  /** Bits that may go at once. */
  readonly burstBits: number
}

const bits = v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(0)))
const subnets = v.nullish(v.array(v.string()))

const limitKeys = {
  ingressRate: bits,
  ingressBurst: bits,
  egressRate: bits,
  egressBurst: bits,
  shapedSubnets: subnets,
  unshapedSubnets: subnets,
}
const limits = v.object(limitKeys)

const schema = v.object({
  ...limitKeys,
  runtimeConfig: v.nullish(v.object({ bandwidth: v.nullish(limits) })),
})

type Limits = v.InferOutput<typeof limits>

/** One byte: the kernel counts in those. */
const LEAST_BITS = 8
/** The kernel counts waiting bytes in 32 bits. */
const TOO_MANY_BURST_BITS = 0xffff_ffff * 8

/**
 * Reads the keys of the `bandwidth` plugin. Those of the configuration itself come before those of the runtime
 * (`runtimeConfig.bandwidth`): one of them is enough.
 *
 * Throws `attach.invalid-configuration`, or `attach.unsupported-field` for limits that only some subnets have.
 */
export function parseBandwidthConfig(raw: unknown): BandwidthConfig {
  const { runtimeConfig, ...own } = readKeys('bandwidth', schema, raw)
  const chosen = Object.keys(own).length > 0 ? own : (runtimeConfig?.bandwidth ?? {})
  refuseSubnets(chosen)
  const ingress = limitOf('ingress', chosen.ingressRate, chosen.ingressBurst)
  const egress = limitOf('egress', chosen.egressRate, chosen.egressBurst)
  return { ...(ingress === undefined ? {} : { ingress }), ...(egress === undefined ? {} : { egress }) }
}

function refuseSubnets({ shapedSubnets, unshapedSubnets }: Limits): void {
  for (const [key, subnets] of Object.entries({ shapedSubnets, unshapedSubnets })) {
    if ((subnets ?? []).length > 0)
      throw unsupportedField(key, 'a limit is for all that a pod sends or receives')
  }
}

function limitOf(
  direction: 'ingress' | 'egress',
  rate: number | null | undefined,
  burst: number | null | undefined,
): BandwidthLimit | undefined {
  const rateBps = rate ?? 0
  const burstBits = burst ?? 0
  const [rateKey, burstKey] = [`${direction}Rate`, `${direction}Burst`]
  if (rateBps === 0 && burstBits === 0) return undefined
  if (burstBits === 0)
    throw invalidConfiguration(`${rateKey} needs ${burstKey}, the bits that may go at once`)
  if (rateBps === 0) throw invalidConfiguration(`${burstKey} needs ${rateKey}, the bits per second`)
  if (rateBps < LEAST_BITS) throw invalidConfiguration(`${rateKey} ${rateBps} is below 8 bits per second`)
  if (burstBits < LEAST_BITS) throw invalidConfiguration(`${burstKey} ${burstBits} is below 8 bits`)
  if (burstBits >= TOO_MANY_BURST_BITS)
    throw invalidConfiguration(`${burstKey} ${burstBits} is 4 GiB or more`)
  return { rateBps, burstBits }
}
