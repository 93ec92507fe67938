import { kindRules, onLink } from './rules.ts'

/** A setting belongs to nobody: it is overwritten, and left as it is when no longer desired. */
export const sysctlRules = kindRules('sysctl', {
  rank: 1,
  overwrites: true,
  parents: sysctl => onLink(linkOfSysctl(sysctl.path)),
  equals: (desired, observed) => desired.value === observed.value,
})

/** `ipv4/conf/eth0/forwarding` → `eth0`; `all` and `default` are not links. */
export function linkOfSysctl(path: string): string | undefined {
  const name = /^ipv[46]\/(?:conf|neigh)\/([^/]+)\//.exec(path)?.[1]
  return name === 'all' || name === 'default' ? undefined : name
}
