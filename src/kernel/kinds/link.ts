import type { IpvlanLink, LinkEntry, MacvlanLink, MovedFrom, VlanLink } from '../entry.ts'
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
  const device = localDevice(link)
  if (device !== undefined) parents.push({ key: linkKey(device), bond: 'vanishes' })
  if (link.master !== undefined) parents.push({ key: linkKey(link.master), bond: 'loose' })
  return parents
}

export type StackedLink = MacvlanLink | IpvlanLink | VlanLink

/** True for a link that may lie on a device of another namespace. */
export function isStacked(link: LinkEntry): link is StackedLink {
  return link.type === 'macvlan' || link.type === 'ipvlan' || link.type === 'vlan'
}

/** The device of this namespace that the link is on. */
export function localDevice(link: LinkEntry): string | undefined {
  if (link.type === 'vxlan') return link.device
  return isStacked(link) && link.deviceNetns === undefined ? link.device : undefined
}

/** True if the attributes that only creation can set are the same. A `device` may be of any type. */
export function sameDefinition(desired: LinkEntry, observed: LinkEntry): boolean {
  switch (desired.type) {
    case 'device':
      return sameOrigin(desired.movedFrom, observed.type === 'device' ? observed.movedFrom : undefined)
    case 'bridge':
    case 'veth':
    case 'dummy':
    case 'ifb':
      return observed.type === desired.type
    case 'vxlan':
      return (
        observed.type === 'vxlan' &&
        sameWhereGiven(desired, observed, ['vni', 'udpPort', 'local', 'device', 'learning', 'gbp'])
      )
    case 'macvlan':
      return (
        observed.type === 'macvlan' &&
        sameDevice(desired, observed) &&
        sameWhereGiven(desired, observed, ['mode'])
      )
    case 'ipvlan':
      return (
        observed.type === 'ipvlan' &&
        sameDevice(desired, observed) &&
        sameWhereGiven(desired, observed, ['mode', 'flag'])
      )
    case 'vlan':
      return (
        observed.type === 'vlan' && sameDevice(desired, observed) && sameWhereGiven(desired, observed, ['id'])
      )
    case 'vrf':
      return observed.type === 'vrf' && sameWhereGiven(desired, observed, ['table'])
    case 'tun':
      return (
        observed.type === 'tun' &&
        sameWhereGiven(desired, observed, ['mode', 'multiQueue', 'ownerUid', 'groupGid'])
      )
  }
}

/** Where the observed device lies elsewhere and nobody could say where, that must do. */
function sameDevice(desired: StackedLink, observed: StackedLink): boolean {
  if (observed.deviceNetns === '' && desired.deviceNetns !== undefined) return true
  return observed.deviceNetns === desired.deviceNetns && observed.device === desired.device
}

/** A device that was moved here is known by the name it had. */
function sameOrigin(desired: MovedFrom | undefined, observed: MovedFrom | undefined): boolean {
  return desired === undefined || desired.name === observed?.name
}

const COMMON_SETTINGS = ['up', 'mtu', 'mac', 'promisc', 'allmulticast', 'txQueueLength', 'master'] as const

/** What can be set on a living link. The peer of a veth lives in another namespace and is not compared. */
function sameSettings(desired: LinkEntry, observed: LinkEntry, seen: ObservedEntry): boolean {
  if (!sameWhereGiven(desired, observed, COMMON_SETTINGS)) return false
  if (desired.claim === 'own' && (seen.mark !== 'ours' || observed.owner !== desired.owner)) return false
  if (desired.type === 'bridge' && observed.type === 'bridge') {
    if (!sameWhereGiven(desired, observed, ['vlanFiltering', 'vlanDefaultPvid'])) return false
  }
  if (desired.type === 'macvlan' && observed.type === 'macvlan') {
    if (!sameWhereGiven(desired, observed, ['broadcastQueueLength'])) return false
  }
  if (desired.bridgePort === undefined) return true
  return sameWhereGiven(desired.bridgePort, observed.bridgePort ?? {}, ['hairpin', 'isolated', 'learning'])
}
