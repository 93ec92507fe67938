import { kindRules, onLink } from './rules.ts'

/** All attributes are in the key. A vxlan link holds one destination per unicast MAC: another one
 * takes its place (vxlan_fdb_replace). */
export const fdbRules = kindRules('fdb', {
  rank: 4,
  supersedes: true,
  parents: fdb => onLink(fdb.link),
  equals: () => true,
  occupies: fdb => (isGroupMac(fdb.mac) ? [] : [`fdb ${fdb.mac} dev ${fdb.link}`]),
})

/** All-zero (the default destination) and multicast MACs may have many destinations (vxlan_fdb_append). */
function isGroupMac(mac: string): boolean {
  return mac === '00:00:00:00:00:00' || (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1
}
