import { IFF_ALLMULTI, IFF_PROMISC, type Link } from '../../../netlink/index.ts'
import type { BridgeVlan, LinkEntry, MacvlanLink } from '../../entry.ts'
import type { ObservedEntry } from '../../operation.ts'
import { formerSelf, ownerOfAlias } from '../../ownership.ts'
import type { LinkTable } from '../link-table.ts'

type Vlans = readonly BridgeVlan[] | undefined

/** Where the device of a link is. */
export type DevicePlace = Pick<MacvlanLink, 'device' | 'deviceNetns'>

/**
 * A link as the kernel reports it. Kinds that no entry has are `device`, and so is what was moved here, whatever it is.
 *
 * @param elsewhere the device of a link whose device is not in this namespace, as far as it is known
 */
export function observedLink(link: Link, links: LinkTable, elsewhere?: DevicePlace): ObservedEntry {
  const former = formerSelf(link.alias)
  const owner = ownerOfAlias(link.alias)
  const isOurs = owner !== undefined || former !== undefined
  const master = links.nameOf(link.masterIndex)
  const port = link.portKind === 'bridge' || link.portKind === undefined ? link.bridgePort : undefined
  const vlans = links.vlansOf(link)
  const common = {
    kind: 'link',
    name: link.name,
    claim: isOurs ? 'own' : 'use',
    owner: owner ?? '',
    up: link.up,
    mtu: link.mtu,
    promisc: (link.flags & IFF_PROMISC) !== 0,
    allmulticast: (link.flags & IFF_ALLMULTI) !== 0,
    ...(link.txQueueLength === undefined ? {} : { txQueueLength: link.txQueueLength }),
    ...(link.mac === undefined ? {} : { mac: link.mac }),
    ...(master === undefined ? {} : { master }),
    ...(master === undefined || port === undefined ? {} : { bridgePort: bridgePortOf(port, vlans) }),
  } as const
  const typed: Typed<LinkEntry> =
    former === undefined
      ? typedLink(link, devicePlace(link, links, elsewhere), vlans)
      : { type: 'device', movedFrom: { netns: '', ...former } }
  return { entry: { ...common, ...typed }, mark: isOurs ? 'ours' : 'foreign' }
}

function devicePlace(link: Link, links: LinkTable, elsewhere: DevicePlace | undefined): DevicePlace {
  if (link.linkNetnsId !== undefined) return elsewhere ?? { device: '', deviceNetns: '' }
  const index = link.info?.kind === 'vxlan' ? link.info.linkIndex : link.parentIndex
  return { device: links.nameOf(index) ?? '' }
}

function bridgePortOf(
  port: NonNullable<Link['bridgePort']>,
  vlans: Vlans,
): NonNullable<LinkEntry['bridgePort']> {
  return {
    hairpin: port.hairpin ?? false,
    isolated: port.isolated ?? false,
    learning: port.learning ?? true,
    ...(vlans === undefined ? {} : { vlans }),
  }
}

type Typed<L> = L extends LinkEntry ? Omit<L, keyof Common> : never
/** What every link has is told of all in one place. */
interface Common {
  kind: unknown
  name: unknown
  claim: unknown
  owner: unknown
  up: unknown
  mtu: unknown
  mac: unknown
  promisc: unknown
  allmulticast: unknown
  txQueueLength: unknown
  master: unknown
  bridgePort: unknown
}

function typedLink({ info }: Link, place: DevicePlace, vlans: Vlans): Typed<LinkEntry> {
  switch (info?.kind) {
    case 'bridge':
      return {
        type: 'bridge',
        vlanFiltering: info.vlanFiltering ?? false,
        vlanDefaultPvid: info.vlanDefaultPvid ?? 1,
        ...(vlans === undefined ? {} : { vlans }),
      }
    case 'veth':
      return { type: 'veth', peer: { name: '', netns: '' } }
    case 'vxlan':
      return {
        type: 'vxlan',
        vni: info.vni ?? 0,
        udpPort: info.port ?? 0,
        local: info.local ?? '',
        device: place.device,
        learning: info.learning ?? true,
        gbp: info.gbp ?? false,
      }
    case 'macvlan': {
      const { broadcastQueueLength } = info
      return {
        type: 'macvlan',
        ...place,
        mode: macvlanMode(info.mode),
        ...(broadcastQueueLength === undefined ? {} : { broadcastQueueLength }),
      }
    }
    case 'ipvlan':
      return {
        type: 'ipvlan',
        ...place,
        mode: info.mode === 'l3' || info.mode === 'l3s' ? info.mode : 'l2',
        flag: info.flag === 'private' || info.flag === 'vepa' ? info.flag : 'bridge',
      }
    case 'vlan':
      return { type: 'vlan', ...place, id: info.id ?? 0 }
    case 'ipip':
      // One that leads to a fixed other end is another thing than ours.
      if (info.remote !== undefined && info.remote !== '0.0.0.0') return { type: 'device' }
      return {
        type: 'ipip',
        local: info.local ?? '0.0.0.0',
        pathMtuDiscovery: info.pathMtuDiscovery ?? true,
      }
    case 'vrf':
      return { type: 'vrf', table: info.table ?? 0 }
    case 'dummy':
    case 'ifb':
    case 'wireguard':
      return { type: info.kind }
    case 'tun':
      return {
        type: 'tun',
        mode: info.type === TAP ? 'tap' : 'tun',
        multiQueue: info.multiQueue ?? false,
        ...(info.owner === undefined ? {} : { ownerUid: info.owner }),
        ...(info.group === undefined ? {} : { groupGid: info.group }),
      }
    case undefined:
      return { type: 'device' }
  }
}

/** IFLA_TUN_TYPE. */
const TAP = 2

function macvlanMode(mode: unknown): MacvlanLink['mode'] {
  return mode === 'private' || mode === 'vepa' || mode === 'passthru' ? mode : 'bridge'
}
