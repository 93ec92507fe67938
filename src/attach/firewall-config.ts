import * as v from 'valibot'
import { readKeys } from './config-keys.ts'

/** `same-bridge`: nothing from other bridges that say so too. `isolated`: nothing from the pod's own either. */
export type IngressPolicy = 'open' | 'same-bridge' | 'isolated'

/** The keys of the `firewall` plugin that mean something here. */
export interface FirewallConfig {
  readonly ingressPolicy: IngressPolicy
  /** Whether FORWARD of iptables is told to let the pod through: where there is one, in any case, or never. */
  readonly accept: 'if-possible' | 'always' | 'never'
}

/**
 * What names a place in somebody else's rules (a zone of firewalld, a chain of iptables) is read and not used: what is
 * done here stands in tables and chains of ours.
 */
const schema = v.object({
  backend: v.optional(v.picklist(['', 'firewalld', 'iptables', 'nftables']), ''),
  firewalldZone: v.exactOptional(v.string()),
  iptablesAdminChainName: v.exactOptional(v.string()),
  ingressPolicy: v.optional(v.picklist(['', 'open', 'same-bridge', 'isolated']), ''),
})

const ACCEPT = { '': 'if-possible', iptables: 'always', firewalld: 'never', nftables: 'never' } as const

/** Throws `attach.invalid-configuration`. */
export function parseFirewallConfig(raw: unknown): FirewallConfig {
  const { ingressPolicy, backend } = readKeys('firewall', schema, raw)
  return { ingressPolicy: ingressPolicy === '' ? 'open' : ingressPolicy, accept: ACCEPT[backend] }
}
