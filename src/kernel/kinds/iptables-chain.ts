import { isDeepStrictEqual } from 'node:util'
import { type IptablesChainEntry, iptablesDigest } from '../entry.ts'
import { kindRules } from './rules.ts'

export const iptablesChainRules = kindRules('iptables-chain', {
  rank: 9,
  equals: (desired, observed) => isDeepStrictEqual(shape(desired), shape(observed)),
})

/** Rules by their digests; which jump of a chain comes first means nothing. */
function shape({ rules, jumps }: IptablesChainEntry): unknown {
  return [
    rules.map(iptablesDigest),
    jumps.map(({ from, rule }) => `${from} ${iptablesDigest(rule) ?? ''}`).toSorted(),
  ]
}
