import { linearPattern } from '../base/index.ts'
import { invalidConfiguration } from './errors.ts'
import type { SysctlSetting } from './sysctl-key.ts'

/**
 * Holds sysctls against the node's list of those that networks may set: one regular expression a line, of which some
 * part of the key as it is configured must match one.
 *
 * Throws `attach.invalid-configuration`, or `pattern.unsupported` for a line that is not read here.
 *
 * @param allowlist text of /etc/cni/tuning/allowlist.conf, where there is that file
 */
export function checkSysctlAllowlist(sysctls: readonly SysctlSetting[], allowlist: string): void {
  const lines = allowlist
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
  const patterns = lines.map(linearPattern)
  const outside = sysctls.find(({ key }) => !patterns.some(matches => matches(key)))
  if (outside === undefined) return
  const allowed = lines.length === 0 ? 'which allows none' : `which has ${lines.join(', ')}`
  throw invalidConfiguration(`sysctl ${outside.key} is not in the allowlist of this node, ${allowed}`)
}
