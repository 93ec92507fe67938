import {
  type LinkChanges,
  type LinkInfo,
  type LinkSpec,
  type Request,
  setLink,
} from '../../../netlink/index.ts'
import type { LinkEntry } from '../../entry.ts'
import { isStacked } from '../../kinds/link.ts'
import { linkAlias } from '../../ownership.ts'
import type { LinkTable } from '../link-table.ts'

/** What is said of a new link besides what its entry says. */
export interface Birth {
  /** Set up at once: only if nothing must be set before. */
  readonly up: boolean
  readonly peerNetnsFd?: number | undefined
  /** Of the device it is on, where that is not in this namespace. */
  readonly deviceIndex?: number
}

/**
 * The kernel makes veths with a queue for each processor, of which they use the first; with two processors, taking the
 * others away again is an eighth of the time that the pair takes it.
 */
const ONE_QUEUE = { txQueues: 1, rxQueues: 1 } as const

/** The request that makes a link. */
export function linkSpec(link: LinkEntry, links: LinkTable, birth: Birth): LinkSpec {
  const { name, mtu, mac, master, promisc, allmulticast, txQueueLength } = link
  const masterIndex = master === undefined ? undefined : links.indexOf(master)
  const device = isStacked(link) ? (birth.deviceIndex ?? links.indexOf(link.device)) : undefined
  return {
    name,
    info: linkInfo(link, links, birth.peerNetnsFd),
    ...(link.type === 'veth' ? ONE_QUEUE : {}),
    ...(mtu === undefined ? {} : { mtu }),
    ...(mac === undefined ? {} : { mac }),
    ...(promisc === undefined ? {} : { promiscuous: promisc }),
    ...(allmulticast === undefined ? {} : { allMulticast: allmulticast }),
    ...(txQueueLength === undefined ? {} : { txQueueLength }),
    ...(masterIndex === undefined ? {} : { masterIndex }),
    ...(device === undefined ? {} : { parentIndex: device }),
    ...(birth.up ? { up: true } : {}),
  }
}

function linkInfo(link: LinkEntry, links: LinkTable, peerNetnsFd: number | undefined): LinkInfo {
  switch (link.type) {
    case 'bridge':
      return {
        kind: 'bridge',
        ...(link.vlanFiltering === undefined ? {} : { vlanFiltering: link.vlanFiltering }),
        ...(link.vlanDefaultPvid === undefined ? {} : { vlanDefaultPvid: link.vlanDefaultPvid }),
      }
    case 'veth': {
      const { name, mac, mtu } = link.peer
      return {
        kind: 'veth',
        peer: {
          name,
          ...ONE_QUEUE,
          ...(mac === undefined ? {} : { mac }),
          ...(mtu === undefined ? {} : { mtu }),
          ...(peerNetnsFd === undefined ? {} : { netnsFd: peerNetnsFd }),
        },
      }
    }
    case 'vxlan': {
      const { vni, udpPort, local, learning, gbp } = link
      const linkIndex = links.indexOf(link.device)
      return {
        kind: 'vxlan',
        vni,
        port: udpPort,
        local,
        learning,
        ...(linkIndex === undefined ? {} : { linkIndex }),
        ...(gbp ? { gbp } : {}),
      }
    }
    case 'macvlan': {
      const { mode, broadcastQueueLength } = link
      return {
        kind: 'macvlan',
        mode,
        ...(broadcastQueueLength === undefined ? {} : { broadcastQueueLength }),
      }
    }
    case 'ipvlan':
      return { kind: 'ipvlan', mode: link.mode, ...(link.flag === undefined ? {} : { flag: link.flag }) }
    case 'vlan':
      return { kind: 'vlan', id: link.id }
    case 'ipip':
      return { kind: 'ipip', local: link.local, pathMtuDiscovery: link.pathMtuDiscovery }
    case 'vrf':
      return { kind: 'vrf', table: link.table }
    case 'dummy':
    case 'ifb':
    case 'wireguard':
      return { kind: link.type }
    case 'tun':
    case 'device':
      throw new TypeError(`a ${link.type} is not made by a link message`)
  }
}

/**
 * What creation leaves to be set: the mark, alone, so that a link of which something else is refused can be told for ours;
 * and what the kernel takes for a link only when it is there. What is not made by a link message has its mark already, and
 * nothing else.
 */
export function afterCreation(link: LinkEntry, links: LinkTable): Request[] {
  if (!isMadeByMessage(link)) return linkChanges({ ...link, claim: 'use' }, undefined, links)
  const { name, owner, addrGenMode } = link
  const settings = { ...(addrGenMode === undefined ? {} : { addrGenMode }), ...portSettings(link) }
  return settingEach(name, { alias: linkAlias(owner) }, settings)
}

/** A message for each part that says something. */
function settingEach(name: string, ...parts: readonly LinkChanges[]): Request[] {
  return parts.filter(part => Object.keys(part).length > 0).map(part => setLink({ name }, part))
}

/** What the kernel takes only for a port, but for its VLANs. */
function portSettings({ bridgePort = {} }: LinkEntry): Pick<LinkChanges, 'bridgePort'> {
  const { vlans: _own, ...settings } = bridgePort
  return Object.keys(settings).length === 0 ? {} : { bridgePort: settings }
}

/** True if the link can be set up by the message that makes it. */
export function canBeBornUp(link: LinkEntry): boolean {
  return isMadeByMessage(link) && link.bridgePort === undefined && link.addrGenMode === undefined
}

/** True if the message that makes the link may say anything about it. */
function isMadeByMessage({ type }: LinkEntry): boolean {
  return type !== 'tun' && type !== 'device'
}

/**
 * Sets on a living link what differs from `before`, or all that is given. Two messages if port settings are among
 * it: the kernel takes them only for a port. `up` is left to the caller.
 */
export function linkChanges(link: LinkEntry, before: LinkEntry | undefined, links: LinkTable): Request[] {
  const changes: { -readonly [K in keyof LinkChanges]: LinkChanges[K] } = {}
  if (link.mtu !== undefined && link.mtu !== before?.mtu) changes.mtu = link.mtu
  if (link.mac !== undefined && link.mac !== before?.mac) changes.mac = link.mac
  if (link.promisc !== undefined && link.promisc !== before?.promisc) changes.promiscuous = link.promisc
  if (link.allmulticast !== undefined && link.allmulticast !== before?.allmulticast) {
    changes.allMulticast = link.allmulticast
  }
  if (link.txQueueLength !== undefined && link.txQueueLength !== before?.txQueueLength) {
    changes.txQueueLength = link.txQueueLength
  }
  if (link.master !== undefined && link.master !== before?.master) {
    changes.masterIndex = links.indexOf(link.master) ?? 0
  }
  if (link.claim === 'own' && (before?.claim !== 'own' || link.owner !== before.owner)) {
    changes.alias = linkAlias(link.owner)
  }
  const info = infoChanges(link, before)
  if (info !== undefined) changes.info = info
  return settingEach(link.name, changes, portSettings(link))
}

/** What a kind lets be changed, as far as it differs. */
function infoChanges(link: LinkEntry, before: LinkEntry | undefined): LinkInfo | undefined {
  if (link.type === 'bridge') {
    const known = before?.type === 'bridge' ? before : undefined
    const { vlanFiltering, vlanDefaultPvid } = link
    const changes = {
      ...(vlanFiltering === undefined || vlanFiltering === known?.vlanFiltering ? {} : { vlanFiltering }),
      ...(vlanDefaultPvid === undefined || vlanDefaultPvid === known?.vlanDefaultPvid
        ? {}
        : { vlanDefaultPvid }),
    }
    return Object.keys(changes).length === 0 ? undefined : { kind: 'bridge', ...changes }
  }
  if (link.type !== 'macvlan' || link.broadcastQueueLength === undefined) return undefined
  const known = before?.type === 'macvlan' ? before.broadcastQueueLength : undefined
  const { broadcastQueueLength } = link
  return known === broadcastQueueLength ? undefined : { kind: 'macvlan', broadcastQueueLength }
}
