import type { Family } from '../ip/index.ts'
import type { Backend } from './backend.ts'

/** Least MTU that IPv6 works with (RFC 8200, section 5). */
export const LEAST_IPV6_MTU = 1280

type Sizes = Pick<Backend, 'mtu' | 'overhead'>

/**
 * MTU of a packet between pods, before encapsulation. Pods of a family travel over an underlay of that family, so
 * that one whose blocks are of both gets the smaller of two.
 */
export function familyMtu(backend: Sizes, uplinkMtu: number, family: Family): number {
  return backend.mtu ?? uplinkMtu - backend.overhead(family)
}

/** What the node's pods get: the least of the families they have. Bytes. */
export function podMtu(backend: Sizes, uplinkMtu: number, families: readonly Family[]): number {
  return Math.min(uplinkMtu, ...families.map(family => familyMtu(backend, uplinkMtu, family)))
}

/** What is wrong with the MTU, in words; undefined if nothing is. */
export function mtuFault(backend: Sizes, uplinkMtu: number, family: Family): string | undefined {
  const mtu = familyMtu(backend, uplinkMtu, family)
  const fitting = uplinkMtu - backend.overhead(family)
  if (mtu > fitting) {
    return `the network's MTU ${mtu} does not fit the uplink's ${uplinkMtu}: large packets of IPv${family} pods are lost; set it to ${fitting} or less`
  }
  if (family === 6 && mtu < LEAST_IPV6_MTU) {
    return `IPv6 needs an MTU of ${LEAST_IPV6_MTU}, but ${mtu} is left of the uplink's ${uplinkMtu}: raise the uplink's MTU`
  }
  return undefined
}
