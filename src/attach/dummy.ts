import type { DummyLink } from '../kernel/index.ts'
import { invalidConfiguration } from './errors.ts'
import { podMac } from './names.ts'
import type { Attachment, AttachmentSpec } from './plan.ts'
import { planPodLink, podLink } from './pod-link.ts'

/**
 * Addresses on a device that leads nowhere, as the CNI `dummy` plugin makes it; there is nothing to configure.
 *
 * Throws `attach.invalid-configuration`.
 */
export function planDummy(spec: AttachmentSpec): Attachment {
  if (spec.ips.length === 0) {
    throw invalidConfiguration('dummy is good for addresses, and there are none: name an ipam')
  }
  const mac = podMac(spec)
  const link: DummyLink = { ...podLink(spec), type: 'dummy', mac }
  return planPodLink(spec, link, { mac, mtu: 0 })
}
