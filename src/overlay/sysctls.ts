import type { Family } from '../ip/index.ts'
import type { SysctlEntry } from '../kernel/index.ts'

/** One sysctl below /proc/sys/net as an entry. */
export function sysctl(path: string, value: number): SysctlEntry {
  return { kind: 'sysctl', path, value: String(value) }
}

/** The node routes between its pods and the rest. `net.ipv4.ip_forward` is another name of the first. */
export function forwarding(family: Family): SysctlEntry {
  return sysctl(`ipv${family}/conf/all/forwarding`, 1)
}

/** What a device of the overlay is told, whatever carries its packets. */
export function deviceSysctls(name: string, family: Family, hasIpv6: boolean): readonly SysctlEntry[] {
  const entries: SysctlEntry[] = []
  // The largest of `all` and the device counts, and 2 (loose, RFC 3704) is the largest: a packet of a peer may come
  // encapsulated while our way back is direct, as long as the two ends change at different times.
  if (family === 4) entries.push(sysctl(`ipv4/conf/${name}/rp_filter`, 2))
  if (hasIpv6) {
    // No router speaks on this link. Mode 1 (IN6_ADDR_GEN_MODE_NONE): no link-local address either; nobody needs it,
    // and a second VTEP of one MAC would be a duplicate of it.
    entries.push(sysctl(`ipv6/conf/${name}/accept_ra`, 0), sysctl(`ipv6/conf/${name}/addr_gen_mode`, 1))
  }
  return entries
}
