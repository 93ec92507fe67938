import type { LinkEntry } from '../kernel/index.ts'
import { invalidConfiguration } from './errors.ts'
import { type CniIp, ipFamily } from './result.ts'

/** Bytes; a link of less loses IPv6 (RFC 8200, section 5). */
const LEAST_FOR_IPV6 = 1280

/** As a field of a link or a result; 0 leaves it to the kernel. */
export function mtuField(mtu: number): { readonly mtu?: number } {
  return mtu === 0 ? {} : { mtu }
}

export function checkMtu(mtu: number, ips: readonly CniIp[]): void {
  if (linkHasIpv6(mtu) || !ips.some(ip => ipFamily(ip) === 6)) return
  throw invalidConfiguration(`mtu ${mtu} is below ${LEAST_FOR_IPV6}, the least that IPv6 works with`)
}

/** @param mtu 0 if the kernel decides, which is for IPv6 then */
export function linkHasIpv6(mtu: number, namespaceHasIpv6 = true): boolean {
  return namespaceHasIpv6 && (mtu === 0 || mtu >= LEAST_FOR_IPV6)
}

/**
 * For a link of the host's that only passes frames on: an address of its own would be probed for, announced and routed,
 * and nobody asks for it. Nothing where the link has no IPv6.
 */
export function withoutLinkLocal(mtu: number, hostHasIpv6?: boolean): Pick<LinkEntry, 'addrGenMode'> {
  return linkHasIpv6(mtu, hostHasIpv6) ? { addrGenMode: 'none' } : {}
}
