import * as v from 'valibot'
import { formatPrefix, parseInterfaceAddress } from '../ip/index.ts'
import { readKeys } from './config-keys.ts'
import { invalidConfiguration } from './errors.ts'
import { interfaceAddressSchema } from './result-schema.ts'

/** What the `bandwidth` plugin limits; no limit where there is none. */
export interface BandwidthConfig {
  /** Of what the pod receives. */
  readonly ingress?: BandwidthLimit
  /** Of what it sends. */
  readonly egress?: BandwidthLimit
  /** Whose traffic is limited; everybody's if it is absent. */
  readonly peers?: LimitedPeers
}

/** The other ends of a pod's traffic: whom it receives from, and whom it sends to. */
export interface LimitedPeers {
  /** Whether those in one of the prefixes are limited, or all others. */
  readonly shaped: 'listed' | 'others'
  /** Canonical, each once, in the order of `sort`. */
  readonly prefixes: readonly string[]
}

export interface BandwidthLimit {
  /** Bits per second. */
  readonly rateBps: number
  /** Bits that may go at once. */
  readonly burstBits: number
}

const bits = v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(0)))
const subnets = v.nullish(v.array(interfaceAddressSchema))

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
 * Throws `attach.invalid-configuration`.
 */
export function parseBandwidthConfig(raw: unknown): BandwidthConfig {
  const { runtimeConfig, ...own } = readKeys('bandwidth', schema, raw)
  const chosen = Object.keys(own).length > 0 ? own : (runtimeConfig?.bandwidth ?? {})
  const peers = peersOf(chosen)
  const ingress = limitOf('ingress', chosen.ingressRate, chosen.ingressBurst)
  const egress = limitOf('egress', chosen.egressRate, chosen.egressBurst)
  return {
    ...(ingress === undefined ? {} : { ingress }),
    ...(egress === undefined ? {} : { egress }),
    ...(peers === undefined ? {} : { peers }),
  }
}

function peersOf({ shapedSubnets, unshapedSubnets }: Limits): LimitedPeers | undefined {
  const shaped = canonical(shapedSubnets ?? [])
  const unshaped = canonical(unshapedSubnets ?? [])
  if (shaped.length > 0 && unshaped.length > 0) {
    throw invalidConfiguration('shapedSubnets and unshapedSubnets cannot both be set: choose one')
  }
  if (shaped.length > 0) return { shaped: 'listed', prefixes: shaped }
  return unshaped.length > 0 ? { shaped: 'others', prefixes: unshaped } : undefined
}

function canonical(subnets: readonly string[]): readonly string[] {
  return [...new Set(subnets.map(text => formatPrefix(parseInterfaceAddress(text).prefix)))].toSorted()
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
