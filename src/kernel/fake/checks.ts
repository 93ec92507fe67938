import { contains, parseAddress, parsePrefix } from '../../ip/index.ts'
import type { AddressEntry, Entry, FdbEntry, NftElementEntry, RouteEntry } from '../entry.ts'
import { tableKey } from '../kinds/nft-table.ts'
import type { FakeNamespace } from './fake-namespace.ts'
import { refuse } from './refusal.ts'

/** Refuses what the kernel would refuse before it looks whether the key is taken. */
export function checkObject(namespace: FakeNamespace, entry: Entry, replace: boolean): void {
  switch (entry.kind) {
    case 'address':
    case 'neighbour':
      return needLink(namespace, entry.link)
    case 'route':
      return checkRoute(namespace, entry)
    case 'fdb':
      return checkFdb(namespace, entry, replace)
    case 'nft-element':
      return checkElement(namespace, entry)
    case 'rule':
    case 'nft-table':
      return
    case 'link':
    case 'sysctl':
      throw new TypeError(`a ${entry.kind} is not added as an object`)
  }
}

function needLink(namespace: FakeNamespace, name: string): void {
  if (!namespace.link(name)) refuse('ENODEV', `there is no link ${name}`)
}

function checkRoute(namespace: FakeNamespace, route: RouteEntry): void {
  if (route.link === undefined) return
  needLink(namespace, route.link)
  if (namespace.link(route.link)?.up !== true) refuse('ENETDOWN', `link ${route.link} is down`)
  if (route.source !== undefined && !hasAddress(namespace, route.source)) {
    refuse('EINVAL', `${route.source} is not an address of this namespace`)
  }
  if (route.gateway === undefined || route.onlink === true) return
  if (!isOnLink(namespace, route.gateway, route.link)) {
    refuse('ENETUNREACH', `gateway ${route.gateway} is not reachable on ${route.link}`)
  }
}

function hasAddress(namespace: FakeNamespace, host: string): boolean {
  return addresses(namespace).some(({ address }) => address.startsWith(`${host}/`))
}

function addresses(namespace: FakeNamespace): AddressEntry[] {
  return [...namespace.entries()].map(({ entry }) => entry).filter(entry => entry.kind === 'address')
}

/** Some route without a gateway on that link covers it. */
function isOnLink(namespace: FakeNamespace, gateway: string, link: string): boolean {
  const address = parseAddress(gateway)
  for (const { entry } of namespace.entries()) {
    if (entry.kind !== 'route' || entry.link !== link || entry.gateway !== undefined) continue
    if (contains(parsePrefix(entry.dst), address)) return true
  }
  return false
}

/** A vxlan link has one destination per unicast MAC (vxlan_fdb_update). */
function checkFdb(namespace: FakeNamespace, fdb: FdbEntry, replace: boolean): void {
  needLink(namespace, fdb.link)
  if (namespace.link(fdb.link)?.type !== 'vxlan') refuse('EOPNOTSUPP', `${fdb.link} is not a vxlan link`)
  if (replace || fdb.mac === '00:00:00:00:00:00') return
  for (const key of namespace.state.childrenOf(`link ${fdb.link}`)) {
    const other = namespace.state.get(key)?.entry
    if (other?.kind === 'fdb' && other.mac === fdb.mac && other.dst !== fdb.dst) {
      refuse('EEXIST', `${fdb.mac} has the destination ${other.dst}`)
    }
  }
}

function checkElement(namespace: FakeNamespace, element: NftElementEntry): void {
  const table = namespace.state.get(tableKey(element.family, element.table))?.entry
  if (table?.kind !== 'nft-table' || !table.sets.some(({ name }) => name === element.set)) {
    refuse('ENOENT', `there is no set ${element.set} in table ${element.family} ${element.table}`)
  }
}
