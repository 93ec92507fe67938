import type { LinkEntry } from '../entry.ts'
import type { ObservedEntry } from '../operation.ts'
import { kindRules, linkKey, type Parent, sameWhereGiven } from './rules.ts'

/** Links that others own come first: they are only set, and ours may hang on them. */
export const linkRules = kindRules('link', {
  rank: 0,
  parents: linkParents,
  tier: link => (link.claim === 'use' ? 0 : 1),
  equals: (desired, observed, seen) =>
    sameDefinition(desired, observed) && sameSettings(desired, observed, seen),
  mustRecreate: (desired, observed) => desired.claim === 'own' && !sameDefinition(desired, observed),
  occupies: link => (link.type === 'vxlan' ? [`vxlan ${link.vni} port ${link.udpPort}`] : []),
})

function linkParents(link: LinkEntry): readonly Parent[] {
  const parents: Parent[] = []
  if (link.type === 'vxlan' || link.type === 'macvlan') {
    parents.push({ key: linkKey(link.device), bond: 'vanishes' })
  }
  if (link.master !== undefined) parents.push({ key: linkKey(link.master), bond: 'loose' })
  return parents
}

/** True if the attributes that only creation can set are the same. A `device` may be of any type. */
export function sameDefinition(desired: LinkEntry, observed: LinkEntry): boolean {
  switch (desired.type) {
    case 'device':
      return true
    case 'bridge':
    case 'veth':
    case 'tun':
      return observed.type === desired.type
    case 'vxlan':
      return (
        observed.type === 'vxlan' &&
        sameWhereGiven(desired, observed, ['vni', 'udpPort', 'local', 'device', 'learning', 'gbp'])
      )
    case 'macvlan':
      return observed.type === 'macvlan' && sameWhereGiven(desired, observed, ['device', 'mode'])
  }
}

/** What can be set on a living link. The peer of a veth lives in another namespace and is not compared. */
function sameSettings(desired: LinkEntry, observed: LinkEntry, seen: ObservedEntry): boolean {
  if (!sameWhereGiven(desired, observed, ['up', 'mtu', 'mac', 'master'])) return false
  if (desired.claim === 'own' && (seen.mark !== 'ours' || observed.owner !== desired.owner)) return false
  if (desired.type === 'bridge' && observed.type === 'bridge') {
    if (!sameWhereGiven(desired, observed, ['vlanFiltering'])) return false
  }
  if (desired.bridgePort === undefined) return true
  return sameWhereGiven(desired.bridgePort, observed.bridgePort ?? {}, ['hairpin', 'isolated', 'learning'])
}
