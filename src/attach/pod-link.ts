import type { LinkEntry } from '../kernel/index.ts'
import { checkMtu, linkHasIpv6, mtuField } from './mtu.ts'
import { attachmentOwner } from './names.ts'
import type { Attachment, AttachmentSpec } from './plan.ts'
import { podAddresses, podInterface, resultDns } from './pod-side.ts'
import type { CniDns } from './result.ts'
import { routeEntries } from './routes.ts'
import { sysctl } from './sysctls.ts'

/** Name of the host's namespace in the apply context of the pod's entries. */
export const HOST_NETNS = 'host'

/** What links of a pod's own have in common; an MTU of 0 is left to the kernel. */
export function podLink(spec: AttachmentSpec, mtu = 0) {
  const owner = attachmentOwner(spec)
  return { kind: 'link', claim: 'own', name: spec.ifName, owner, ...mtuField(mtu), up: true } as const
}

/** What is known of the interface besides its link: for the result. */
export interface PodLinkFacts {
  readonly mac?: string | undefined
  /** Bytes; 0 if the kernel decides. */
  readonly mtu: number
  /** Of the configuration. */
  readonly dns?: CniDns | undefined
}

/**
 * A pod whose interface is a link of its own, without an end on the host. DEL has to remove it, or give it back.
 *
 * Without addresses it is the network's affair how it gets any: router advertisements and duplicate address detection
 * stay as the kernel has them.
 */
export function planPodLink(spec: AttachmentSpec, link: LinkEntry, facts: PodLinkFacts): Attachment {
  const { mac, mtu, dns } = facts
  const ips = spec.ips.map(ip => ({ ...ip, interface: 0 }))
  checkMtu(mtu, ips)
  // Whoever shares the network may still have the MAC that these addresses were at before (RFC 4861, 7.2.6).
  const announced =
    ips.length > 0 && linkHasIpv6(mtu, spec.podHasIpv6)
      ? [sysctl(`ipv6/conf/${link.name}/ndisc_notify`, 1)]
      : []
  return {
    pod: [
      ...announced,
      ...podInterface(spec, link, { managed: ips.length > 0, mtu }),
      ...podAddresses(ips, link.name),
      ...routeEntries(ips, spec.routes, link.name),
    ],
    host: [],
    shared: [],
    displaced: [],
    podOnDelete: { remove: [link], restore: [] },
    result: {
      interfaces: [
        { name: link.name, ...(mac === undefined ? {} : { mac }), ...mtuField(mtu), sandbox: spec.sandbox },
      ],
      ips,
      routes: spec.routes,
      dns: resultDns(dns, spec.dns),
    },
  }
}
