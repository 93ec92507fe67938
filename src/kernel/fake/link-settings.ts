import type { BridgeLink, BridgeVlan, LinkEntry } from '../entry.ts'
import { linkKey } from '../kinds/rules.ts'
import { connectLink, disconnectLink } from './addresses.ts'
import type { FakeNamespace, Mark } from './fake-namespace.ts'
import { checkMtu, ETHERNET_MTU } from './link-mtu.ts'
import { loseNeighbours } from './neighbours.ts'
import { refuse } from './refusal.ts'
import { listenersOn } from './stacking.ts'

/** What no entry tells of a link. */
export interface LinkTraits {
  /** Somebody set it: a bridge takes that of a port otherwise. */
  readonly ownMac: boolean
  /** Somebody set it: a bridge has that of its smallest port otherwise. */
  readonly ownMtu: boolean
}

/** What can be set on a living link, besides its master and whether it is up. */
export interface LinkSettings {
  readonly up?: boolean | undefined
  readonly mtu?: number | undefined
  readonly mac?: string | undefined
  readonly master?: string | undefined
  readonly bridgePort?: LinkEntry['bridgePort'] | undefined
  readonly plain?: PlainSettings | undefined
}

/** What changes nothing else. */
export interface PlainSettings {
  readonly promisc?: boolean
  readonly allmulticast?: boolean
  readonly txQueueLength?: number
  readonly vlanFiltering?: boolean
  readonly vlanDefaultPvid?: number
  readonly vlans?: readonly BridgeVlan[]
  readonly broadcastQueueLength?: number
}

/** Of a bridge that lost its last port. */
const NO_MAC = '00:00:00:00:00:00'
const PORT = { hairpin: false, isolated: false, learning: true }

/** `ip link set`: sets what is given, and the mark if there is an owner. */
export function changeLink(
  namespace: FakeNamespace,
  name: string,
  { up, mtu, mac, master, bridgePort, plain }: LinkSettings,
  owner?: string,
): void {
  namespace.needLink(name)
  if (master !== undefined) namespace.needLink(master)
  // In the order of do_setlink: what comes before a refusal stays.
  if (mac !== undefined) setMac(namespace, name, mac)
  if (mtu !== undefined) setMtu(namespace, name, mtu)
  if (owner !== undefined) update(namespace, name, { claim: 'own', owner }, 'ours')
  const { txQueueLength, ...flags } = plain ?? {}
  if (Object.keys(flags).length > 0) update(namespace, name, flags)
  if (up !== undefined) setUp(namespace, name, up)
  if (master !== undefined) setMaster(namespace, name, master)
  if (txQueueLength !== undefined) update(namespace, name, { txQueueLength })
  if (bridgePort !== undefined) setBridgePort(namespace, name, bridgePort)
}

/** Takes a link out of its master (`nomaster`). */
export function release(namespace: FakeNamespace, name: string): void {
  const seen = namespace.objects.get(linkKey(name))
  if (seen?.entry.kind !== 'link' || seen.entry.master === undefined) return
  const { master, bridgePort: _settings, ...rest } = seen.entry
  namespace.put({ ...seen, entry: rest }, seen)
  if (namespace.link(master) !== undefined) followPorts(namespace, master)
}

function setMac(namespace: FakeNamespace, name: string, mac: string): void {
  const link = namespace.needLink(name)
  const isFixed = link.mac === undefined || link.type === 'ifb' || link.type === 'ipvlan'
  if (isFixed) refuse('EOPNOTSUPP', `${name} takes no MAC address`)
  const traits = namespace.traits.get(name)
  namespace.traits.set(name, { ownMtu: traits?.ownMtu ?? false, ownMac: true })
  update(namespace, name, { mac })
  loseNeighbours(namespace, name)
  const { master } = namespace.needLink(name)
  if (master !== undefined) followPorts(namespace, master)
}

/** What is there already is not set again, and nobody's wish then (dev_set_mtu). */
function setMtu(namespace: FakeNamespace, name: string, mtu: number): void {
  const link = namespace.needLink(name)
  checkMtu(namespace, link, mtu)
  if (mtu === link.mtu) return
  const traits = namespace.traits.get(name)
  namespace.traits.set(name, { ownMac: traits?.ownMac ?? false, ownMtu: true })
  update(namespace, name, { mtu })
  for (const upper of listenersOn(namespace, name)) {
    const above = upper.namespace.needLink(upper.name)
    const follows = above.type === 'ipvlan' || (above.mtu ?? 0) > mtu
    if (follows) update(upper.namespace, upper.name, { mtu })
  }
  if (link.master !== undefined) followPorts(namespace, link.master)
}

function setMaster(namespace: FakeNamespace, name: string, master: string): void {
  const link = namespace.needLink(name)
  if (link.master === master) return
  checkMaster(namespace, link, master)
  release(namespace, name)
  const above = namespace.needLink(master)
  if (above.type !== 'bridge') return update(namespace, name, { master })
  update(namespace, name, { master, bridgePort: { ...PORT, ...firstVlans(above) } })
  followPorts(namespace, master)
}

/** Of a new port (nbp_vlan_init). */
function firstVlans({ vlanFiltering, vlanDefaultPvid: id = 1 }: BridgeLink): { vlans?: BridgeVlan[] } {
  if (vlanFiltering !== true) return {}
  return { vlans: id === 0 ? [] : [{ id, pvid: true, untagged: true }] }
}

/** br_add_if; a VRF takes any that is no bridge's port. */
export function checkMaster(namespace: FakeNamespace, link: LinkEntry, master: string): void {
  const { type } = namespace.needLink(master)
  if (type === 'vrf') return
  if (type !== 'bridge') refuse('EOPNOTSUPP', `${master} takes no ports`)
  if (link.mac === undefined || link.mac === NO_MAC) refuse('EINVAL', `${link.name} has no MAC address`)
  if (link.type === 'bridge') refuse('ELOOP', `${link.name} is a bridge`)
  if (listenersOn(namespace, link.name).length > 0)
    refuse('EBUSY', `${link.name} carries a macvlan or ipvlan`)
}

function setBridgePort(
  namespace: FakeNamespace,
  name: string,
  bridgePort: NonNullable<LinkEntry['bridgePort']>,
): void {
  const before = namespace.needLink(name).bridgePort
  if (before === undefined) return refuse('EOPNOTSUPP', `${name} is no port of a bridge`)
  update(namespace, name, { bridgePort: { ...before, ...bridgePort } })
}

function setUp(namespace: FakeNamespace, name: string, up: boolean): void {
  if (namespace.needLink(name).up === up) return
  update(namespace, name, { up })
  if (!up) return disconnectLink(namespace, name)
  if (name === 'lo') addLoopback(namespace)
  connectLink(namespace, name)
}

function addLoopback(namespace: FakeNamespace): void {
  for (const address of ['127.0.0.1/8', '::1/128']) {
    if (namespace.has(`address ${address} dev lo`)) continue
    const entry = { kind: 'address', link: 'lo', address, scope: 'host', noPrefixRoute: false } as const
    namespace.put({ entry, mark: 'foreign' })
  }
}

/** A bridge of which nobody said otherwise has the smallest MTU and the lowest MAC of its ports. */
export function followPorts(namespace: FakeNamespace, name: string): void {
  const bridge = namespace.needLink(name)
  if (bridge.type !== 'bridge') return
  const traits = namespace.traits.get(name)
  const ports: LinkEntry[] = []
  for (const { entry } of namespace.objects.childrenOf(linkKey(name))) {
    if (entry.kind === 'link' && entry.master === name) ports.push(entry)
  }
  if (traits?.ownMtu !== true) {
    const mtu = ports.length === 0 ? ETHERNET_MTU : Math.min(...ports.map(port => port.mtu ?? ETHERNET_MTU))
    if (mtu !== bridge.mtu) update(namespace, name, { mtu })
  }
  if (traits?.ownMac === true) return
  const mac = ports.map(port => port.mac ?? '').toSorted()[0] ?? NO_MAC
  if (mac === bridge.mac) return
  update(namespace, name, { mac })
  loseNeighbours(namespace, name)
}

function update(
  namespace: FakeNamespace,
  name: string,
  changes: Partial<Omit<LinkEntry, 'kind' | 'type' | 'name'>> & PlainSettings,
  mark?: Mark,
): void {
  const seen = namespace.objects.get(linkKey(name))
  if (seen?.entry.kind !== 'link') return
  namespace.put({ ...seen, entry: { ...seen.entry, ...changes }, mark: mark ?? seen.mark }, seen)
}
