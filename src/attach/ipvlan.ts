import type { IpvlanLink } from '../kernel/index.ts'
import { invalidConfiguration } from './errors.ts'
import type { IpvlanConfig } from './ipvlan-config.ts'
import { type MasteredSpec, masteredFacts, masteredLink } from './master.ts'
import type { Attachment } from './plan.ts'
import { planPodLink } from './pod-link.ts'
import type { CniResult } from './result.ts'

export interface IpvlanSpec extends MasteredSpec {
  readonly config: IpvlanConfig
  /** In a chain: without addresses of its own it takes those of the plugins before it. */
  readonly prevResult?: CniResult
}

/**
 * A pod in the network of a device under the MAC of that device, as the CNI `ipvlan` plugin wires it.
 *
 * Throws `attach.invalid-configuration`.
 */
export function planIpvlan(spec: IpvlanSpec): Attachment {
  const { config, prevResult } = spec
  const { ips, routes, dns } = spec.ips.length === 0 ? (prevResult ?? spec) : spec
  if (ips.length === 0) {
    throw invalidConfiguration('ipvlan tells its links apart by addresses, and there are none: name an ipam')
  }
  const link: IpvlanLink = { ...masteredLink(spec, config), type: 'ipvlan', mode: config.mode }
  return planPodLink({ ...spec, ips, routes, dns }, link, masteredFacts(spec, config))
}
