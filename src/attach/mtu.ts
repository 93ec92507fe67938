import { invalidConfiguration } from './errors.ts'
import { type CniIp, ipFamily } from './result.ts'

/** As a field of a link or a result; 0 leaves it to the kernel. */
export function mtuField(mtu: number): { readonly mtu?: number } {
  return mtu === 0 ? {} : { mtu }
}

/** A link below 1280 bytes loses its IPv6 addresses (RFC 8200, section 5). */
export function checkMtu(mtu: number, ips: readonly CniIp[]): void {
  if (mtu === 0 || mtu >= 1280 || !ips.some(ip => ipFamily(ip) === 6)) return
  throw invalidConfiguration(`mtu ${mtu} is below 1280, the least that IPv6 works with`)
}
