import { contains, familyOf, formatPrefix, type Prefix, parseInterfaceAddress } from '../../ip/index.ts'
import { type AddressEntry, entryKey, type RouteEntry } from '../entry.ts'
import { linkKey } from '../kinds/rules.ts'
import type { ObservedEntry } from '../operation.ts'
import type { FakeNamespace, Mark } from './fake-namespace.ts'
import { loseNeighbours } from './neighbours.ts'
import { refuse } from './refusal.ts'
import { isRoute, loseRoutes } from './routes.ts'

type Seen = ObservedEntry & { readonly entry: AddressEntry }

const KERNEL_METRIC_6 = 256

/** `ip address add`: inet_rtm_newaddr, inet6_rtm_newaddr. */
export function addAddress(namespace: FakeNamespace, address: AddressEntry, mark: Mark): void {
  const link = namespace.needLink(address.link)
  const { prefix } = parseInterfaceAddress(address.address)
  if (hasSame(namespace, address)) refuse('EEXIST', `${entryKey(address)} exists`)
  const scope = prefix.family === 6 ? 'global' : (address.scope ?? 'global')
  const [primary] = prefix.family === 4 ? subnetmates(namespace, address) : []
  if (primary !== undefined && primary.entry.scope !== scope) refuse('EINVAL', 'Invalid scope value')
  const entry: AddressEntry = { ...address, scope, noPrefixRoute: address.noPrefixRoute ?? false }
  namespace.put({ entry, mark })
  if (link.up === true && primary === undefined) connect(namespace, entry)
}

/** `ip address delete`. The first of an IPv4 subnet takes the others along (without promote_secondaries). */
export function deleteAddress(namespace: FakeNamespace, address: AddressEntry): void {
  namespace.needLink(address.link)
  const key = entryKey(address)
  const seen = addressesOn(namespace, address.link).find(({ entry }) => entryKey(entry) === key)
  if (seen === undefined) return refuse('EADDRNOTAVAIL', `there is no ${key}`)
  if (familyOf(address.address) === 6) return dropV6(namespace, seen)
  const mates = subnetmates(namespace, seen.entry)
  const isPrimary = mates[0] === seen
  for (const mate of isPrimary ? mates.slice(1) : []) namespace.drop(mate)
  namespace.drop(seen)
  if (isPrimary) disconnect(namespace, seen.entry)
  for (const gone of isPrimary ? mates : [seen]) loseSource(namespace, gone.entry)
  if (addressesOn(namespace, address.link).some(({ entry }) => familyOf(entry.address) === 4)) return
  loseRoutes(namespace, address.link, 4)
  loseNeighbours(namespace, address.link, 4)
}

/** The kernel's own routes to the subnets of a link that came up. */
export function connectLink(namespace: FakeNamespace, link: string): void {
  const seen = new Set<string>()
  for (const { entry } of addressesOn(namespace, link)) {
    const { prefix } = parseInterfaceAddress(entry.address)
    const isSecondary = prefix.family === 4 && seen.has(formatPrefix(prefix))
    seen.add(formatPrefix(prefix))
    if (!isSecondary) connect(namespace, entry)
  }
}

function connect(namespace: FakeNamespace, address: AddressEntry): void {
  const { prefix } = parseInterfaceAddress(address.address)
  if (address.noPrefixRoute === true || (prefix.family === 4 && prefix.length === 32)) return
  // Those of loopback are local ones, which no entry can express.
  if (address.link === 'lo') return
  const route = connectedRoute(address, prefix)
  if (!isThere(namespace, route)) namespace.put({ entry: route, mark: 'foreign' })
}

/** A link that goes down loses its routes, its neighbours, and its IPv6 addresses. */
export function disconnectLink(namespace: FakeNamespace, link: string): void {
  loseRoutes(namespace, link, 4)
  loseRoutes(namespace, link, 6)
  loseAddresses(namespace, link, 6)
  loseNeighbours(namespace, link)
}

/** With all routes that have them as source. */
export function loseAddresses(namespace: FakeNamespace, link: string, family: 4 | 6): void {
  const lost = addressesOn(namespace, link).filter(({ entry }) => familyOf(entry.address) === family)
  for (const seen of lost) namespace.drop(seen)
  for (const { entry } of lost) loseSource(namespace, entry)
}

export function addressesOn(namespace: FakeNamespace, link: string): Seen[] {
  return namespace.objects.childrenOf(linkKey(link)).filter(isAddress)
}

/** With the first route to its subnet over its link, whosever it is (addrconf_get_prefix_route). */
function dropV6(namespace: FakeNamespace, seen: Seen): void {
  namespace.drop(seen)
  const { address, link, noPrefixRoute } = seen.entry
  const { prefix } = parseInterfaceAddress(address)
  const isShared = addressesOn(namespace, link).some(
    ({ entry }) =>
      entry.noPrefixRoute !== true && samePrefix(parseInterfaceAddress(entry.address).prefix, prefix),
  )
  if (isShared || noPrefixRoute === true) return
  const routes = namespace.objects.childrenOf(linkKey(link)).filter(isRoute)
  const direct = routes.filter(({ entry }) => entry.gateway === undefined && entry.table === 254)
  const [first] = direct
    .filter(({ entry }) => entry.dst === formatPrefix(prefix))
    .toSorted((a, b) => a.entry.metric - b.entry.metric)
  if (first !== undefined) namespace.drop(first)
}

function disconnect(namespace: FakeNamespace, address: AddressEntry): void {
  const route = connectedRoute(address, parseInterfaceAddress(address.address).prefix)
  const found = namespace.objects.all(entryKey(route)).find(other => isSame(other, route))
  if (found !== undefined) namespace.drop(found)
}

/** IPv4 routes of the main table that use it as their source go with it, if no link has it (fib_sync_down_addr). */
function loseSource(namespace: FakeNamespace, address: AddressEntry): void {
  const host = hostOf(address)
  if (familyOf(host) === 6 || namespace.hasHost(host)) return
  for (const seen of namespace.entries()) {
    if (isRoute(seen) && seen.entry.table === 254 && seen.entry.source === host) namespace.drop(seen)
  }
}

/** IPv4: of the same prefix length too. IPv6: the address counts. */
function hasSame(namespace: FakeNamespace, address: AddressEntry): boolean {
  const family = familyOf(address.address)
  return addressesOn(namespace, address.link).some(({ entry }) =>
    family === 4 ? entry.address === address.address : hostOf(entry) === hostOf(address),
  )
}

/** Addresses of the same IPv4 subnet on the link; the first is the primary one. */
function subnetmates(namespace: FakeNamespace, address: AddressEntry): Seen[] {
  const { prefix } = parseInterfaceAddress(address.address)
  return addressesOn(namespace, address.link).filter(({ entry }) =>
    samePrefix(parseInterfaceAddress(entry.address).prefix, prefix),
  )
}

function connectedRoute(address: AddressEntry, prefix: Prefix): RouteEntry {
  const common = {
    kind: 'route',
    dst: formatPrefix(prefix),
    table: 254,
    link: address.link,
    type: 'unicast',
    onlink: false,
  } as const
  if (prefix.family === 6) return { ...common, metric: KERNEL_METRIC_6, scope: 'universe' }
  return { ...common, metric: 0, scope: 'link', source: hostOf(address) }
}

function isThere(namespace: FakeNamespace, route: RouteEntry): boolean {
  return namespace.objects.all(entryKey(route)).some(seen => isSame(seen, route))
}

function isSame({ entry, mark }: ObservedEntry, route: RouteEntry): boolean {
  if (entry.kind !== 'route' || mark !== 'foreign') return false
  return entry.link === route.link && entry.source === route.source && entry.gateway === undefined
}

function samePrefix(a: Prefix, b: Prefix): boolean {
  return a.length === b.length && a.family === b.family && contains(a, { family: b.family, value: b.network })
}

function isAddress(seen: ObservedEntry): seen is Seen {
  return seen.entry.kind === 'address'
}

function hostOf({ address }: AddressEntry): string {
  return address.split('/')[0] ?? address
}
