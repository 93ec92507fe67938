import type { VlanLink } from '../kernel/index.ts'
import { type MasteredSpec, masteredFacts, masteredLink } from './master.ts'
import type { Attachment } from './plan.ts'
import { planPodLink } from './pod-link.ts'
import type { VlanConfig } from './vlan-config.ts'

export interface VlanSpec extends MasteredSpec {
  readonly config: VlanConfig
}

/**
 * A pod in a VLAN of a device, as the CNI `vlan` plugin wires it.
 *
 * Throws `attach.invalid-configuration`.
 */
export function planVlan(spec: VlanSpec): Attachment {
  const { config } = spec
  const link: VlanLink = { ...masteredLink(spec, config), type: 'vlan', id: config.vlanId }
  return planPodLink(spec, link, masteredFacts(spec, config))
}
