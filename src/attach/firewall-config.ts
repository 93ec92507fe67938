import * as v from 'valibot'
import { readKeys } from './config-keys.ts'

/** `same-bridge`: nothing from other bridges that say so too. `isolated`: nothing from the pod's own either. */
export type IngressPolicy = 'open' | 'same-bridge' | 'isolated'

/** The keys of the `firewall` plugin that mean something here. */
export interface FirewallConfig {
  readonly ingressPolicy: IngressPolicy
}

/**
 * What names a place in somebody else's rules (a zone of firewalld, a chain of iptables) is read and not used: what is
 * done here stands in tables of ours, whatever the backend.
 */
const schema = v.object({
  backend: v.optional(v.picklist(['', 'firewalld', 'iptables', 'nftables']), ''),
  firewalldZone: v.exactOptional(v.string()),
  iptablesAdminChainName: v.exactOptional(v.string()),
  ingressPolicy: v.optional(v.picklist(['', 'open', 'same-bridge', 'isolated']), ''),
})

/** Throws `attach.invalid-configuration`. */
export function parseFirewallConfig(raw: unknown): FirewallConfig {
  const { ingressPolicy } = readKeys('firewall', schema, raw)
  return { ingressPolicy: ingressPolicy === '' ? 'open' : ingressPolicy }
}
