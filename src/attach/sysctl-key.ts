import type { SysctlEntry } from '../kernel/index.ts'
import { invalidConfiguration } from './errors.ts'

/** A sysctl as a configuration names it: `net.core.somaxconn`, `net/ipv4/conf/IFNAME/arp_filter`. */
export interface SysctlSetting {
  readonly key: string
  readonly value: string
}

/** Stands for the name of the interface. */
const PLACEHOLDER = 'IFNAME'

/**
 * The setting as an entry. As sysctl(8) has it, the first separator in a key is the one in use, and where that is the
 * dot, a slash stands for a dot inside a part.
 *
 * Throws `attach.invalid-configuration` for a key outside `net`.
 */
export function sysctlEntry({ key, value }: SysctlSetting, ifName: string): SysctlEntry {
  const [root, ...parts] = partsOf(key).map(part => part.replaceAll(PLACEHOLDER, ifName))
  if (root !== 'net' || parts.length === 0) {
    throw invalidConfiguration(
      `sysctl ${JSON.stringify(key)} is not below net: others do not belong to a pod's network`,
    )
  }
  if (parts.some(part => part === '' || part === '.' || part === '..' || /[/\0]/.test(part))) {
    throw invalidConfiguration(
      `sysctl ${JSON.stringify(key)} of interface ${ifName} names no file below /proc/sys/net`,
    )
  }
  // The kernel prints several fields with single tabs between, entries have spaces.
  return { kind: 'sysctl', path: parts.join('/'), value: value.trim().replaceAll(/\s+/g, ' ') }
}

function partsOf(key: string): readonly string[] {
  if (/[./]/.exec(key)?.[0] !== '.') return key.split('/')
  return key.split('.').map(part => part.replaceAll('/', '.'))
}
