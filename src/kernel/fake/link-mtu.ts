import type { LinkEntry } from '../entry.ts'
import type { FakeNamespace } from './fake-namespace.ts'
import { refuse } from './refusal.ts'
import { deviceOf } from './stacking.ts'

export const ETHERNET_MTU = 1500
const VXLAN_HEADROOM = 50
/** ipip_tunnel_setup: ETH_DATA_LEN less the outer header. */
const IPIP_MTU = 1480
/** Ethernet's less what wg_setup takes off for IPv6. */
const WIREGUARD_MTU = 1420
const MAX_MTU = 65536
/** IP6_MAX_MTU */
const VRF_MTU = 65_575

/** What is stacked on a device has no larger MTU than its packets can have there. */
export function checkMtu(namespace: FakeNamespace, link: LinkEntry, mtu: number): void {
  const max = maxMtu(namespace, link)
  if (mtu < 68 || mtu > max) refuse('EINVAL', `mtu ${mtu}, which is to be between 68 and ${max}`)
}

export function maxMtu(namespace: FakeNamespace, link: LinkEntry): number {
  return isBoundByDevice(link) ? defaultMtu(namespace, link) : MAX_MTU
}

export function defaultMtu(namespace: FakeNamespace, link: LinkEntry): number {
  if (link.type === 'vrf') return VRF_MTU
  if (link.type === 'ipip') return IPIP_MTU
  if (link.type === 'wireguard') return WIREGUARD_MTU
  if (!('device' in link)) return ETHERNET_MTU
  const lower = deviceOf(namespace, link)?.mtu ?? ETHERNET_MTU
  return link.type === 'vxlan' ? lower - VXLAN_HEADROOM : lower
}

/** An ipvlan takes its device's MTU, but may be given any. */
function isBoundByDevice({ type }: LinkEntry): boolean {
  return type === 'vxlan' || type === 'macvlan' || type === 'vlan'
}
