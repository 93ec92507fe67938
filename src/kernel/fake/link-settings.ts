import type { LinkEntry } from '../entry.ts'
import { linkKey } from '../kinds/rules.ts'
import { connectLink, disconnectLink } from './addresses.ts'
import type { FakeNamespace, Mark } from './fake-namespace.ts'
import { checkMtu, ETHERNET_MTU } from './link-mtu.ts'
import { loseNeighbours } from './neighbours.ts'
import { refuse } from './refusal.ts'

/** What no entry tells of a link. */
export interface LinkTraits {
  /** Somebody set it: a bridge takes that of a port otherwise. */
  readonly ownMac: boolean
  /** Somebody set it: a bridge has that of its smallest port otherwise. */
  readonly ownMtu: boolean
}

/** What can be set on a living link. */
export interface LinkSettings {
  readonly up?: boolean | undefined
  readonly mtu?: number | undefined
  readonly mac?: string | undefined
  readonly master?: string | undefined
  readonly bridgePort?: LinkEntry['bridgePort'] | undefined
  readonly vlanFiltering?: boolean | undefined
}

/** Of a bridge that lost its last port. */
const NO_MAC = '00:00:00:00:00:00'
const PORT = { hairpin: false, isolated: false, learning: true }

/** `ip link set`: sets what is given, and the mark if there is an owner. */
export function changeLink(
  namespace: FakeNamespace,
  name: string,
  { up, mtu, mac, master, bridgePort, vlanFiltering }: LinkSettings,
  owner?: string,
): void {
  namespace.needLink(name)
  if (master !== undefined) namespace.needLink(master)
  // In the order of do_setlink: what comes before a refusal stays.
  if (mac !== undefined) setMac(namespace, name, mac)
  if (mtu !== undefined) setMtu(namespace, name, mtu)
  if (owner !== undefined) update(namespace, name, { claim: 'own', owner }, 'ours')
  if (vlanFiltering !== undefined) update(namespace, name, { vlanFiltering })
  if (up !== undefined) setUp(namespace, name, up)
  if (master !== undefined) setMaster(namespace, name, master)
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
  if (namespace.needLink(name).mac === undefined) refuse('EOPNOTSUPP', `${name} has no MAC address`)
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
  for (const upper of macvlansOn(namespace, name)) {
    if ((upper.mtu ?? 0) > mtu) update(namespace, upper.name, { mtu })
  }
  if (link.master !== undefined) followPorts(namespace, link.master)
}

/** They hear all that comes in there, as a bridge does: a device has the one or the others. */
export function macvlansOn(namespace: FakeNamespace, device: string): LinkEntry[] {
  const children = namespace.objects.childrenOf(linkKey(device)).map(({ entry }) => entry)
  return children.filter(entry => entry.kind === 'link').filter(link => link.type === 'macvlan')
}

function setMaster(namespace: FakeNamespace, name: string, master: string): void {
  const link = namespace.needLink(name)
  if (link.master === master) return
  checkMaster(namespace, link, master)
  release(namespace, name)
  update(namespace, name, { master, bridgePort: PORT })
  followPorts(namespace, master)
}

/** br_add_if. */
export function checkMaster(namespace: FakeNamespace, link: LinkEntry, master: string): void {
  if (namespace.needLink(master).type !== 'bridge') refuse('EOPNOTSUPP', `${master} takes no ports`)
  if (link.mac === undefined || link.mac === NO_MAC) refuse('EINVAL', `${link.name} has no MAC address`)
  if (link.type === 'bridge') refuse('ELOOP', `${link.name} is a bridge`)
  if (macvlansOn(namespace, link.name).length > 0) refuse('EBUSY', `${link.name} carries a macvlan`)
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
  changes: Partial<Omit<LinkEntry, 'kind' | 'type' | 'name'>> & { readonly vlanFiltering?: boolean },
  mark?: Mark,
): void {
  const seen = namespace.objects.get(linkKey(name))
  if (seen?.entry.kind !== 'link') return
  const { vlanFiltering, ...rest } = changes
  const entry: LinkEntry = { ...seen.entry, ...rest }
  const filtered =
    entry.type === 'bridge' && vlanFiltering !== undefined ? { ...entry, vlanFiltering } : entry
  namespace.put({ ...seen, entry: filtered, mark: mark ?? seen.mark }, seen)
}
