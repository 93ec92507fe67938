import type { SysctlEntry } from '../kernel/index.ts'
import { type CniIp, ipFamily } from './result.ts'

/** One sysctl below /proc/sys/net as an entry. */
export function sysctl(path: string, value: number): SysctlEntry {
  return { kind: 'sysctl', path, value: String(value) }
}

/**
 * What a pod's interface is told before it is up: announce new addresses, and believe neither router
 * advertisements nor redirects, which any pod on the bridge could send (CVE-2020-10749).
 */
export function podSysctls(
  ifName: string,
  options: { ipv6: boolean; detectDuplicates: boolean },
): readonly SysctlEntry[] {
  const entries = [
    sysctl(`ipv4/conf/${ifName}/arp_notify`, 1),
    // On a host (as against a router) either of the two is enough to accept a redirect.
    sysctl('ipv4/conf/all/accept_redirects', 0),
    sysctl(`ipv4/conf/${ifName}/accept_redirects`, 0),
  ]
  if (!options.ipv6) return entries
  entries.push(sysctl(`ipv6/conf/${ifName}/accept_ra`, 0), sysctl(`ipv6/conf/${ifName}/accept_redirects`, 0))
  // Addresses come from one hand, so that a second or two of detection buys nothing.
  if (!options.detectDuplicates) entries.push(sysctl(`ipv6/conf/${ifName}/accept_dad`, 0))
  return entries
}

/** What turns the host into the router of these addresses; `ip_forward` is another name of the first. */
export function forwardingSysctls(ips: readonly CniIp[]): readonly SysctlEntry[] {
  const families = new Set(ips.map(ipFamily))
  return ([4, 6] as const)
    .filter(family => families.has(family))
    .map(family => sysctl(`ipv${family}/conf/all/forwarding`, 1))
}
