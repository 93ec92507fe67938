import {
  addressBits,
  contains,
  type Family,
  formatAddress,
  formatPrefix,
  parseAddress,
  parseInterfaceAddress,
  parsePrefix,
} from '../ip/index.ts'
import type {
  AddressEntry,
  FdbEntry,
  LinkEntry,
  NeighbourEntry,
  RouteEntry,
  WireguardEntry,
  WireguardPeerEntry,
} from '../kernel/index.ts'
import type { TraceEntry, TraceNamespace } from './world.ts'

/** An entry of one kind with its origin. */
export interface Found<E> {
  readonly entry: E
  readonly because: readonly string[]
}

export interface FoundRoute extends Found<RouteEntry> {
  /** Made by the kernel for an address, not by an entry of its own. */
  readonly connected: boolean
}

/** One namespace, asked the way its kernel asks itself. */
export class NamespaceView {
  readonly name: string
  readonly kind: 'node' | 'pod'
  private readonly entries: readonly TraceEntry[]

  constructor(namespace: TraceNamespace) {
    this.name = namespace.name
    this.kind = namespace.kind
    this.entries = namespace.entries
  }

  /** How steps name a place in it: a pod has one interface that matters, a node has many. */
  where(link?: string): string {
    if (this.kind === 'pod') return `pod ${this.name}`
    return link === undefined ? this.name : `${this.name} ${link}`
  }

  link(name: string): Found<LinkEntry> | undefined {
    return this.links().find(({ entry }) => entry.name === name)
  }

  links(): readonly Found<LinkEntry>[] {
    return this.ofKind('link')
  }

  /** The address entry that makes `address` this namespace's own, on `link` if that is given. */
  owned(address: string, link?: string): Found<AddressEntry> | undefined {
    const own = this.ofKind('address').filter(({ entry }) => link === undefined || entry.link === link)
    return own.find(({ entry }) => hostOf(entry) === address)
  }

  /** Addresses of the namespace by family, as plain text. */
  addresses(family: Family): readonly string[] {
    const own = this.ofKind('address').map(({ entry }) => parseInterfaceAddress(entry.address).address)
    return own.filter(address => address.family === family).map(formatAddress)
  }

  /** The route the kernel would take (main table only): the longest prefix, of equal ones the smallest metric. */
  route(destination: string): FoundRoute | undefined {
    const address = parseAddress(destination)
    const matching = this.routes().filter(
      ({ entry }) => entry.table === 254 && contains(parsePrefix(entry.dst), address),
    )
    return matching.toSorted(byPreference)[0]
  }

  /** Permanent ones only: what ARP would find out is not an entry. */
  neighbour(link: string, address: string): Found<NeighbourEntry> | undefined {
    return this.ofKind('neighbour').find(({ entry }) => entry.link === link && entry.address === address)
  }

  /** Which remote VTEP a vxlan device sends a MAC to. */
  fdb(link: string, mac: string): Found<FdbEntry> | undefined {
    return this.ofKind('fdb').find(({ entry }) => entry.link === link && entry.mac === mac)
  }

  wireguards(): readonly Found<WireguardEntry>[] {
    return this.ofKind('wireguard')
  }

  /** What a wireguard link is set up with. */
  wireguard(link: string): Found<WireguardEntry> | undefined {
    return this.wireguards().find(({ entry }) => entry.link === link)
  }

  wireguardPeers(link: string): readonly Found<WireguardPeerEntry>[] {
    return this.ofKind('wireguard-peer').filter(({ entry }) => entry.link === link)
  }

  /** The peer of the longest allowed prefix that has the address: who is sent it, and who may send from it. */
  wireguardPeer(link: string, address: string): Found<WireguardPeerEntry> | undefined {
    const parsed = parseAddress(address)
    const matching = this.wireguardPeers(link).flatMap(found =>
      found.entry.allowedIps
        .map(parsePrefix)
        .filter(prefix => contains(prefix, parsed))
        .map(({ length }) => ({ found, length })),
    )
    return matching.toSorted((a, b) => b.length - a.length)[0]?.found
  }

  /** Off unless an entry says otherwise, as in a new namespace. */
  forwards(family: Family): boolean {
    const path = `ipv${family}/conf/all/forwarding`
    return this.ofKind('sysctl').some(({ entry }) => entry.path === path && entry.value === '1')
  }

  /** Entries, and the connected routes that the kernel adds for addresses of its own accord. */
  private routes(): readonly FoundRoute[] {
    const given = this.ofKind('route').map(found => ({ ...found, connected: false }))
    const connected = this.ofKind('address').flatMap(({ entry, because }) => {
      const dst = connectedPrefix(entry)
      if (dst === undefined) return []
      const route: RouteEntry = { kind: 'route', dst, table: 254, metric: 0, link: entry.link, scope: 'link' }
      return [{ entry: route, because, connected: true }]
    })
    return [...given, ...connected]
  }

  private ofKind<K extends TraceEntry['entry']['kind']>(
    kind: K,
  ): Found<Extract<TraceEntry['entry'], { kind: K }>>[] {
    const isKind = (entry: TraceEntry['entry']): entry is Extract<TraceEntry['entry'], { kind: K }> =>
      entry.kind === kind
    return this.entries.flatMap(({ entry, because }) => (isKind(entry) ? [{ entry, because }] : []))
  }
}

/** The prefix the kernel makes reachable on a link with an address; a single address has none. */
function connectedPrefix(entry: AddressEntry): string | undefined {
  const { prefix } = parseInterfaceAddress(entry.address)
  if (entry.noPrefixRoute === true || prefix.length === addressBits(prefix.family)) return undefined
  return formatPrefix(prefix)
}

function hostOf(entry: AddressEntry): string {
  return formatAddress(parseInterfaceAddress(entry.address).address)
}

function byPreference(a: FoundRoute, b: FoundRoute): number {
  return parsePrefix(b.entry.dst).length - parsePrefix(a.entry.dst).length || a.entry.metric - b.entry.metric
}
