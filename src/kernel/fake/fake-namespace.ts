import { formatPrefix, localMac, parseInterfaceAddress } from '../../ip/index.ts'
import { type AddressEntry, type Entry, entryKey, type LinkEntry, type RouteEntry } from '../entry.ts'
import { tableFingerprint } from '../kinds/nft-table.ts'
import { linkOfSysctl } from '../kinds/sysctl.ts'
import { Mirror } from '../mirror.ts'
import type { KernelEvent, ObservedEntry } from '../operation.ts'
import { checkObject } from './checks.ts'
import type { FakeNetwork } from './fake-network.ts'
import { refuse } from './refusal.ts'

type Mark = ObservedEntry['mark']

/** The other end of a veth. */
interface Peer {
  readonly namespace: FakeNamespace
  readonly name: string
}

/**
 * The state of one namespace and the laws it obeys: what the kernel refuses, and what goes along when something
 * goes. Acts for us and for other programs alike; `mark` says for whom.
 */
export class FakeNamespace {
  readonly state = new Mirror()
  readonly sysctls = new Map<string, string>()
  private readonly peers = new Map<string, Peer>()
  /** As a descriptor would name it in `NamespaceHandle`. */
  readonly descriptor: number
  readonly network: FakeNetwork
  private readonly listeners = new Set<(event: KernelEvent) => void>()
  /** How many changes were made, by anybody. */
  modifications = 0

  constructor(network: FakeNetwork) {
    this.network = network
    this.descriptor = network.register(this)
    this.state.fold(set({ kind: 'link', type: 'device', name: 'lo', claim: 'use', owner: '', mtu: 65536 }))
  }

  /** Returns the function that ends it. */
  listen(listener: (event: KernelEvent) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  private emit(event: KernelEvent): void {
    for (const listener of this.listeners) listener(event)
  }

  link(name: string): LinkEntry | undefined {
    const entry = this.state.get(`link ${name}`)?.entry
    return entry?.kind === 'link' ? entry : undefined
  }

  has(key: string): boolean {
    return this.state.get(key) !== undefined
  }

  *entries(): Iterable<ObservedEntry> {
    for (const key of this.state.keys()) {
      const observed = this.state.get(key)
      if (observed !== undefined) yield observed
    }
  }

  /** A physical device: there before us, up. */
  createDevice(name: string): void {
    this.put({
      entry: linkDefaults({ kind: 'link', type: 'device', name, claim: 'use', owner: '', up: true }),
      mark: 'foreign',
    })
  }

  createLink(link: LinkEntry, mark: Mark, peerNamespace?: FakeNamespace): void {
    this.checkNewLink(link)
    if (link.type === 'device') refuse('EOPNOTSUPP', `a physical device such as ${link.name} cannot be made`)
    if (link.type === 'veth') this.createPeer(link, peerNamespace)
    const { bridgePort: _settings, ...rest } = link
    this.put({ entry: linkDefaults({ ...rest, claim: mark === 'ours' ? 'own' : 'use' }), mark })
    if (link.bridgePort !== undefined) this.changeLink(link)
  }

  private checkNewLink(link: LinkEntry): void {
    if (Buffer.byteLength(link.name) > 15) refuse('EINVAL', `${link.name} is longer than 15 bytes`)
    if (this.link(link.name)) refuse('EEXIST', `link ${link.name} exists`)
    const needed = [link.master, 'device' in link ? link.device : undefined]
    for (const name of needed) {
      if (name !== undefined && !this.link(name)) refuse('ENODEV', `there is no link ${name}`)
    }
    if (link.type !== 'vxlan') return
    for (const { entry } of this.entries()) {
      const isVxlan = entry.kind === 'link' && entry.type === 'vxlan'
      if (isVxlan && entry.vni === link.vni && entry.udpPort === link.udpPort) {
        refuse('EEXIST', `${entry.name} has VNI ${link.vni} on port ${link.udpPort}`)
      }
    }
  }

  private createPeer(link: Extract<LinkEntry, { type: 'veth' }>, namespace: FakeNamespace | undefined): void {
    if (namespace === undefined) refuse('EINVAL', `no namespace for the peer of ${link.name}`)
    const { name, mac, mtu } = link.peer
    if (namespace.link(name)) refuse('EEXIST', `link ${name} exists in the peer's namespace`)
    const entry = linkDefaults({
      kind: 'link',
      type: 'veth',
      name,
      claim: 'use',
      owner: '',
      peer: { name: '', netns: '' },
      ...(mac === undefined ? {} : { mac }),
      ...(mtu === undefined ? {} : { mtu }),
    })
    namespace.put({ entry, mark: 'foreign' })
    namespace.peers.set(name, { namespace: this, name: link.name })
    this.peers.set(link.name, { namespace, name })
  }

  /** Sets what is given. Going down loses the routes (IPv4: without an event for each; see `fib_sync_down_dev`). */
  changeLink(link: LinkEntry, owner?: string): void {
    const key = `link ${link.name}`
    const seen = this.state.get(key)
    const before = this.link(link.name) ?? refuse('ENODEV', `there is no link ${link.name}`)
    if (link.master !== undefined && !this.link(link.master))
      refuse('ENODEV', `there is no link ${link.master}`)
    if (link.mtu !== undefined && (link.mtu < 68 || link.mtu > 65536)) refuse('EINVAL', `mtu ${link.mtu}`)
    const entry = withSettings(before, link, owner)
    this.put({ entry, mark: owner === undefined ? (seen?.mark ?? 'foreign') : 'ours' })
    if (before.up === true && entry.up === false) this.loseRoutes(route => route.link === link.name)
    if (before.up !== true && entry.up === true) this.connect(link.name)
  }

  deleteLink(name: string): void {
    const peer = this.peers.get(name)
    if (!this.link(name)) refuse('ENODEV', `there is no link ${name}`)
    this.peers.delete(name)
    for (const key of this.state.childrenOf(`link ${name}`)) this.loosen(key, name)
    this.vanish(`link ${name}`)
    for (const path of this.sysctls.keys()) if (linkOfSysctl(path) === name) this.sysctls.delete(path)
    if (peer?.namespace.peers.delete(peer.name)) peer.namespace.deleteLink(peer.name)
  }

  /** Ports of a deleted bridge stay; what is stacked on a deleted device goes, with all that hangs on it. */
  private loosen(key: string, parent: string): void {
    const link = this.state.get(key)
    if (link?.entry.kind !== 'link') return
    if (link.entry.master !== parent) return this.deleteLink(link.entry.name)
    const { master: _gone, bridgePort: _settings, ...rest } = link.entry
    this.put({ ...link, entry: rest })
  }

  renameLink(from: string, to: string): void {
    const before = this.state.get(`link ${from}`)
    if (before?.entry.kind !== 'link') return refuse('ENODEV', `there is no link ${from}`)
    if (this.link(to)) refuse('EEXIST', `link ${to} exists`)
    const moved = [...this.entries()].filter(({ entry }) => 'link' in entry && entry.link === from)
    this.vanish(`link ${from}`)
    this.put({ ...before, entry: { ...before.entry, name: to } })
    for (const { entry, mark } of moved)
      if ('link' in entry) this.put({ entry: { ...entry, link: to }, mark })
    const peer = this.peers.get(from)
    if (peer === undefined) return
    this.peers.delete(from)
    this.peers.set(to, peer)
    peer.namespace.peers.set(peer.name, { namespace: this, name: to })
  }

  /** Adds anything but a link or a sysctl; `replace` as `ip route replace` and `ip neigh replace` do it. */
  addObject(entry: Entry, mark: Mark, replace = false): void {
    checkObject(this, entry, replace)
    const key = entryKey(entry)
    if (!replace && this.has(key)) refuse('EEXIST', `${key} exists`)
    const fingerprint = entry.kind === 'nft-table' ? { fingerprint: tableFingerprint(entry) } : {}
    this.put({ entry: objectDefaults(entry), mark, ...fingerprint })
    if (entry.kind === 'address' && this.link(entry.link)?.up === true) this.connect(entry.link)
  }

  deleteObject(key: string): void {
    const seen = this.state.get(key)
    if (seen === undefined) return refuse('ENOENT', `there is no ${key}`)
    this.vanish(key)
    if (seen.entry.kind === 'address') this.afterAddress(seen.entry)
  }

  /** Another program adds a rule to a table, or takes one away: it no longer is what it was. */
  editTable(key: string): void {
    const seen = this.state.get(key) ?? refuse('ENOENT', `there is no ${key}`)
    this.put({ ...seen, fingerprint: 'edited by another program' })
  }

  readSysctl(path: string): string {
    const link = linkOfSysctl(path)
    if (link !== undefined && !this.link(link)) refuse('ENOENT', `there is no ${path}`)
    return this.sysctls.get(path) ?? '0'
  }

  /** As the kernel does, tells nobody. */
  writeSysctl(path: string, value: string): void {
    this.readSysctl(path)
    this.sysctls.set(path, value)
    this.modifications += 1
  }

  /** The kernel's own route to the subnet of each address, once the link is up. */
  private connect(name: string): void {
    for (const key of this.state.childrenOf(`link ${name}`)) {
      const address = this.state.get(key)?.entry
      if (address?.kind !== 'address' || address.noPrefixRoute === true) continue
      const route = connectedRoute(address)
      if (!this.has(entryKey(route))) this.put({ entry: route, mark: 'foreign' })
    }
  }

  /** Deleting a subnet's address takes the subnet's route, and every route that uses it as its source, silently. */
  private afterAddress(address: AddressEntry): void {
    const subnet = connectedRoute(address)
    const host = address.address.split('/')[0]
    const others = [...this.state.childrenOf(`link ${address.link}`)]
      .map(key => this.state.get(key)?.entry)
      .filter(entry => entry?.kind === 'address')
    const isLast = others.length === 0
    const sameSubnet = others.some(other => connectedRoute(other).dst === subnet.dst)
    const seen = this.state.get(entryKey(subnet))
    if (!sameSubnet && seen?.mark === 'foreign') this.vanish(entryKey(subnet))
    this.loseRoutes(route => route.source === host || (isLast && route.link === address.link))
  }

  /** The real kernel says nothing of IPv4 routes that go so; whoever watches it must look again. */
  private loseRoutes(lost: (route: RouteEntry) => boolean): void {
    for (const { entry } of this.entries()) {
      if (entry.kind === 'route' && lost(entry)) this.vanish(entryKey(entry))
    }
  }

  private put(observed: ObservedEntry): void {
    this.modifications += 1
    this.state.fold({ event: 'set', observed })
    this.emit({ event: 'set', observed })
  }

  private vanish(key: string): void {
    this.modifications += 1
    this.state.fold({ event: 'gone', key })
    this.state.fold({ event: 'parent-gone', parent: key })
    this.emit({ event: 'gone', key })
    this.emit({ event: 'parent-gone', parent: key })
  }

  /** The namespace of a descriptor that a `FakeKernel` gave out. */
  namespaceOf(descriptor: number): FakeNamespace | undefined {
    return this.network.namespace(descriptor)
  }
}

function set(entry: Entry): KernelEvent {
  return { event: 'set', observed: { entry, mark: 'foreign' } }
}

/** `before` with what `link` gives; a `link` of type device says nothing of its type. */
function withSettings(before: LinkEntry, link: LinkEntry, owner: string | undefined): LinkEntry {
  const entry: LinkEntry = {
    ...before,
    ...(link.up === undefined ? {} : { up: link.up }),
    ...(link.mtu === undefined ? {} : { mtu: link.mtu }),
    ...(link.mac === undefined ? {} : { mac: link.mac }),
    ...(link.master === undefined ? {} : { master: link.master }),
    ...(link.bridgePort === undefined ? {} : { bridgePort: { ...before.bridgePort, ...link.bridgePort } }),
    ...(owner === undefined ? {} : { claim: 'own', owner }),
  }
  if (entry.type !== 'bridge' || link.type !== 'bridge' || link.vlanFiltering === undefined) return entry
  return { ...entry, vlanFiltering: link.vlanFiltering }
}

function linkDefaults(link: LinkEntry): LinkEntry {
  const mtu = link.type === 'vxlan' ? 1450 : 1500
  return { up: false, mtu, mac: localMac(`fake ${link.name}`), ...link }
}

/** What the kernel fills in and reports. */
function objectDefaults(entry: Entry): Entry {
  if (entry.kind === 'address') return { scope: 'global', noPrefixRoute: false, ...entry }
  if (entry.kind === 'route') return { type: 'unicast', ...entry }
  return entry
}

/** Source and protocol are the kernel's; IPv6 gives it metric 256. */
function connectedRoute(address: AddressEntry): RouteEntry {
  const { prefix } = parseInterfaceAddress(address.address)
  return {
    kind: 'route',
    dst: formatPrefix(prefix),
    table: 254,
    metric: prefix.family === 6 ? 256 : 0,
    link: address.link,
    scope: 'link',
    type: 'unicast',
  }
}
