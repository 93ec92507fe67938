import type { TunLink } from '../kernel/index.ts'
import { podMac } from './names.ts'
import type { Attachment, AttachmentSpec } from './plan.ts'
import { HOST_NETNS, planPodLink, podLink } from './pod-link.ts'
import type { TapConfig } from './tap-config.ts'

export interface TapSpec extends AttachmentSpec {
  readonly config: TapConfig
}

/**
 * A TAP device in the pod, for a virtual machine say, as the CNI `tap` plugin makes it.
 *
 * Throws `attach.invalid-configuration`.
 */
export function planTap(spec: TapSpec): Attachment {
  const { config } = spec
  const mac = podMac(spec, config.mac)
  const link: TunLink = {
    ...podLink(spec, config.mtu),
    type: 'tun',
    mode: 'tap',
    mac,
    ...(config.multiQueue ? { multiQueue: true } : {}),
    ...(config.owner === undefined ? {} : { ownerUid: config.owner }),
    ...(config.group === undefined ? {} : { groupGid: config.group }),
    ...(config.bridge === '' ? {} : { master: config.bridge }),
    madeIn: HOST_NETNS,
  }
  return planPodLink(spec, link, { mac, mtu: config.mtu, dns: config.dns })
}
