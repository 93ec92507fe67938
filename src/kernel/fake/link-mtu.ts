import type { LinkEntry } from '../entry.ts'
import type { FakeNamespace } from './fake-namespace.ts'
import { refuse } from './refusal.ts'

export const ETHERNET_MTU = 1500
const VXLAN_HEADROOM = 50
const MAX_MTU = 65536

/** What is stacked on a device has no larger MTU than its packets can have there. */
export function checkMtu(namespace: FakeNamespace, link: LinkEntry, mtu: number): void {
  const max = maxMtu(namespace, link)
  if (mtu < 68 || mtu > max) refuse('EINVAL', `mtu ${mtu}, which is to be between 68 and ${max}`)
}

export function maxMtu(namespace: FakeNamespace, link: LinkEntry): number {
  return 'device' in link ? defaultMtu(namespace, link) : MAX_MTU
}

export function defaultMtu(namespace: FakeNamespace, link: LinkEntry): number {
  if (link.type !== 'vxlan' && link.type !== 'macvlan') return ETHERNET_MTU
  const lower = namespace.link(link.device)?.mtu ?? ETHERNET_MTU
  return link.type === 'vxlan' ? lower - VXLAN_HEADROOM : lower
}
