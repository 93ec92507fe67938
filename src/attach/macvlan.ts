import type { MacvlanLink } from '../kernel/index.ts'
import type { MacvlanConfig } from './macvlan-config.ts'
import { type MasteredSpec, masteredFacts, masteredLink } from './master.ts'
import { podMac, requestedMac } from './names.ts'
import type { Attachment } from './plan.ts'
import { planPodLink } from './pod-link.ts'

export interface MacvlanSpec extends MasteredSpec {
  readonly config: MacvlanConfig
}

/**
 * A pod in the network of a device under a MAC of its own, as the CNI `macvlan` plugin wires it.
 *
 * Throws `attach.invalid-configuration`.
 */
export function planMacvlan(spec: MacvlanSpec): Attachment {
  const { config } = spec
  // A link that the device is passed through to has the MAC of the device, and another one would change that.
  const mac =
    config.mode === 'passthru' ? requestedMac(spec.requestedMac, config.mac) : podMac(spec, config.mac)
  const link: MacvlanLink = {
    ...masteredLink(spec, config),
    type: 'macvlan',
    mode: config.mode,
    ...(mac === undefined ? {} : { mac }),
    ...(config.bcqueuelen === 0 ? {} : { broadcastQueueLength: config.bcqueuelen }),
  }
  const facts = masteredFacts(spec, config)
  return planPodLink(spec, link, { ...facts, mac: mac ?? facts.mac })
}
