import type { Entry } from './entry.ts'
import type { ObservedEntry } from './operation.ts'

/** Routing protocol number of all our routes, rules, neighbours and addresses (rtm_protocol; see rtnetlink.h). */
export const ROUTE_PROTOCOL = 113

/** Handle of a root qdisc of ours: 113 again, as `tc` shows it `71:`. */
export const QDISC_HANDLE: number = ROUTE_PROTOCOL << 16

/** Priority of a filter of ours; those of others mostly have 1, or some 49152, which `tc` gives by itself. */
export const REDIRECT_PRIORITY: number = ROUTE_PROTOCOL

const ALIAS_PREFIX = 'podlace:'

/** The IFLA_IFALIAS of a link of ours; the kernel holds up to 255 bytes. */
export function linkAlias(owner: string): string {
  return `${ALIAS_PREFIX}${owner}`
}

/** The owner that an alias names; undefined if the alias is not one of ours. */
export function ownerOfAlias(alias: string | undefined): string | undefined {
  return alias?.startsWith(ALIAS_PREFIX) ? alias.slice(ALIAS_PREFIX.length) : undefined
}

const MOVED_PREFIX = 'podlace-moved:'

/** What a device was called before it was moved. */
export interface FormerSelf {
  readonly name: string
  readonly alias?: string
}

/**
 * The alias of a device that was moved: `podlace-moved:<name>:<alias>`. It tells no owner, so that there is room for
 * what must be put back; a name holds no colon (dev_valid_name).
 */
export function movedAlias({ name, alias = '' }: FormerSelf): string {
  return `${MOVED_PREFIX}${name}:${alias}`
}

/** Undefined if the alias does not say that the device was moved. */
export function formerSelf(alias: string | undefined): FormerSelf | undefined {
  if (alias?.startsWith(MOVED_PREFIX) !== true) return undefined
  const rest = alias.slice(MOVED_PREFIX.length)
  const end = rest.indexOf(':')
  if (end <= 0) return undefined
  const former = rest.slice(end + 1)
  return { name: rest.slice(0, end), ...(former === '' ? {} : { alias: former }) }
}

/**
 * True if we may delete the observed entry. Routes, rules, neighbours, qdiscs, links, nft tables and chains of iptables
 * bear marks; an address, an FDB entry, what a wireguard link is set up with or an element is ours because what it hangs on is. A setting is nobody's: it is
 * set, never removed.
 */
export function isOurs(observed: ObservedEntry, parentIsOurs: (entry: Entry) => boolean): boolean {
  const { entry, mark } = observed
  switch (entry.kind) {
    case 'link':
    case 'route':
    case 'rule':
    case 'neighbour':
    case 'qdisc':
    case 'redirect':
    case 'iptables-chain':
    case 'nft-table':
      return mark === 'ours'
    case 'address':
      return mark === 'ours' || (!isLinkLocal(entry.address) && parentIsOurs(entry))
    case 'fdb':
    case 'wireguard':
    case 'wireguard-peer':
    case 'nft-element':
      return parentIsOurs(entry)
    case 'sysctl':
    case 'offload':
      return false
  }
}

/** Kinds that bear no mark, or need none: on a link of ours all are ours. */
export function isOfItsLink({ kind }: Entry): boolean {
  return kind === 'address' || kind === 'fdb' || kind === 'wireguard' || kind === 'wireguard-peer'
}

/** Kinds whose every object bears a mark of its own, so that an equal one without it is somebody else's. */
export function isMarked(entry: Entry): boolean {
  return entry.kind === 'route' || entry.kind === 'rule' || entry.kind === 'neighbour'
}

/** fe80::/10: the kernel gives links one as they come up. */
export function isLinkLocal(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/.test(address)
}
