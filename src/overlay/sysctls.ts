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
