import type { Family } from '../ip/index.ts'
import type { BackendSettings } from './settings.ts'

/**
 * What vxlan adds to a packet: outer IP header (20 or 40) + UDP (8) + vxlan (8) + inner Ethernet (14) (RFC 7348,
 * section 5). The outer Ethernet header does not count against the uplink's MTU.
 */
export const VXLAN_OVERHEAD: Readonly<Record<Family, number>> = { 4: 50, 6: 70 }

/** Least MTU that IPv6 works with (RFC 8200, section 5). */
export const LEAST_IPV6_MTU = 1280

/**
 * MTU of a packet between pods, before encapsulation. Pods of a family travel over an underlay of that family, so
 * that one whose blocks are of both gets the smaller of two.
 */
export function familyMtu(settings: BackendSettings, uplinkMtu: number, family: Family): number {
  if (settings.type === 'host-gw') return uplinkMtu
  return settings.mtu ?? uplinkMtu - VXLAN_OVERHEAD[family]
}

/** What the node's pods get: the least of the families they have. Bytes. */
export function podMtu(settings: BackendSettings, uplinkMtu: number, families: readonly Family[]): number {
  return families.reduce(
    (least, family) => Math.min(least, familyMtu(settings, uplinkMtu, family)),
    uplinkMtu,
  )
}

/** What is wrong with the MTU, in words; undefined if nothing is. */
export function mtuFault(settings: BackendSettings, uplinkMtu: number, family: Family): string | undefined {
  const mtu = familyMtu(settings, uplinkMtu, family)
  if (settings.type === 'vxlan' && mtu > uplinkMtu - VXLAN_OVERHEAD[family]) {
    const fitting = uplinkMtu - VXLAN_OVERHEAD[family]
    return `the network's MTU ${mtu} does not fit the uplink's ${uplinkMtu}: large packets of IPv${family} pods are lost; set it to ${fitting} or less`
  }
  if (family === 6 && mtu < LEAST_IPV6_MTU) {
    return `IPv6 needs an MTU of ${LEAST_IPV6_MTU}, but ${mtu} is left of the uplink's ${uplinkMtu}: raise the uplink's MTU`
  }
  return undefined
}
