import type { DeviceLink, IpvlanLink, LinkEntry, MacvlanLink, MovedFrom, VlanLink } from '../entry.ts'
import type { ObservedEntry } from '../operation.ts'
import { kindRules, linkKey, type Parent, sameWhereGiven } from './rules.ts'
import { sameVlans } from './vlans.ts'

/** Links that others own come first: they are only set, and ours may hang on them. */
export const linkRules = kindRules('link', {
  rank: 0,
  parents: linkParents,
  tier: link => (link.claim === 'use' ? 0 : 1),
  equals: (desired, observed, seen) =>
    sameDefinition(desired, observed) && sameSettings(desired, observed, seen),
  mustRecreate: (desired, observed) => desired.claim === 'own' && !sameDefinition(desired, observed),
  occupies: placesTaken,
})

/** What no two links of a namespace can share. */
function placesTaken(link: LinkEntry): readonly string[] {
  if (link.type === 'vxlan') return [`vxlan ${link.vni} port ${link.udpPort}`]
  return link.type === 'ipip' ? [`ipip ${link.local}`] : []
}

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

export type MovedLink = DeviceLink & { readonly movedFrom: MovedFrom }

/** True for a device that is or shall be moved here. */
export function isMoved(link: LinkEntry): link is MovedLink {
  return link.type === 'device' && link.movedFrom !== undefined
}

/** Name of the other namespace that it takes to make the link. */
export function otherNamespace(link: LinkEntry): string | undefined {
  if (isStacked(link)) return link.deviceNetns
  if (link.type === 'veth') return link.peer.netns
  if (link.type === 'device') return link.movedFrom?.netns
  return link.type === 'tun' ? link.madeIn : undefined
}

/** Links of this namespace that making or changing this one takes. */
export function linksNeeded(link: LinkEntry): string[] {
  return [localDevice(link), link.master].filter(name => name !== undefined)
}

/** True if the attributes that only creation can set are the same. A `device` may be of any type. */
export function sameDefinition(desired: LinkEntry, observed: LinkEntry): boolean {
  switch (desired.type) {
    case 'device':
      return desired.movedFrom === undefined || isFrom(desired.movedFrom.name, observed)
    case 'bridge':
    case 'veth':
    case 'dummy':
    case 'ifb':
    case 'wireguard':
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
    case 'ipip':
      return observed.type === 'ipip' && sameWhereGiven(desired, observed, ['local', 'pathMtuDiscovery'])
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

function isFrom(name: string, observed: LinkEntry): boolean {
  return isMoved(observed) && observed.movedFrom.name === name
}

/** The mark of a device that was moved names no owner. */
function isMarkedFor(desired: LinkEntry, observed: LinkEntry, { mark }: ObservedEntry): boolean {
  return mark === 'ours' && (isMoved(desired) || observed.owner === desired.owner)
}

const COMMON_SETTINGS = ['up', 'mtu', 'mac', 'promisc', 'allmulticast', 'txQueueLength', 'master'] as const

/** What can be set on a living link. The peer of a veth lives in another namespace and is not compared. */
function sameSettings(desired: LinkEntry, observed: LinkEntry, seen: ObservedEntry): boolean {
  if (!sameWhereGiven(desired, observed, COMMON_SETTINGS)) return false
  if (desired.claim === 'own' && !isMarkedFor(desired, observed, seen)) return false
  if (desired.type === 'bridge' && observed.type === 'bridge') {
    if (!sameWhereGiven(desired, observed, ['vlanFiltering', 'vlanDefaultPvid'])) return false
    if (!sameVlans(desired, desired.vlans, observed.vlans)) return false
  }
  if (desired.type === 'macvlan' && observed.type === 'macvlan') {
    if (!sameWhereGiven(desired, observed, ['broadcastQueueLength'])) return false
  }
  const { bridgePort } = desired
  if (bridgePort === undefined) return true
  const seenPort = observed.bridgePort ?? {}
  return (
    sameWhereGiven(bridgePort, seenPort, ['hairpin', 'isolated', 'learning']) &&
    sameVlans(desired, bridgePort.vlans, seenPort.vlans)
  )
}
