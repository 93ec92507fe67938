import { kindRules, onLink } from './rules.ts'

/** A setting belongs to nobody: it is overwritten, and left as it is when no longer desired. */
export const sysctlRules = kindRules('sysctl', {
  rank: 1,
  overwrites: true,
  parents: sysctl => onLink(linkOfSysctl(sysctl.path)),
  equals: (desired, observed) => desired.value === observed.value,
})

const OF_LINKS = ['ipv4/conf/', 'ipv6/conf/', 'ipv4/neigh/', 'ipv6/neigh/']

/** `ipv4/conf/eth0/forwarding` → `eth0`; `all` and `default` are not links. */
export function linkOfSysctl(path: string): string | undefined {
  const start = OF_LINKS.find(beginning => path.startsWith(beginning))?.length
  if (start === undefined) return undefined
  const end = path.indexOf('/', start)
  if (end <= start) return undefined
  const name = path.slice(start, end)
  return name === 'all' || name === 'default' ? undefined : name
}
