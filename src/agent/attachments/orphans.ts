import {
  hostInterfaceName,
  iptablesChainNames,
  isAttachmentOwner,
  isAttachmentTable,
} from '../../attach/index.ts'
import { type Entry, entryKey, type NftElementEntry, type ObservedEntry } from '../../kernel/index.ts'
import { type Holder, holderKey } from '../addresses/source.ts'

/** What the host's namespace holds. */
export interface HostEntries {
  get(key: string): ObservedEntry | undefined
  entries(): Iterable<ObservedEntry>
}

/**
 * What bears our marks for pods that no record speaks of, after the journal was lost: these pods live, and nothing tells
 * what they were given but the kernel itself. All of it stays until DEL names the interface, or the namespace goes.
 */
export class Orphans {
  private readonly host: HostEntries
  private readonly spared: Set<string>

  /** @param isWanted of keys: a record speaks of it */
  constructor(host: HostEntries, isWanted: (key: string) => boolean) {
    this.host = host
    this.spared = new Set()
    for (const { entry, mark } of host.entries()) {
      const key = entryKey(entry)
      if (this.isOfPods(entry, mark) && !isWanted(key)) this.spared.add(key)
    }
  }

  get size(): number {
    return this.spared.size
  }

  /** True for what must not be deleted only because nobody wants it. */
  spares(key: string): boolean {
    return this.spared.has(key)
  }

  /** The interface is to go: keys of what it has, which nobody is to keep any more, and who held its addresses. */
  release({ containerId, ifName }: Holder): { readonly keys: string[]; readonly holder: Holder } | undefined {
    const link = hostInterfaceName(containerId, ifName)
    if (!this.spared.has(`link ${link}`)) return undefined
    const addresses = new Set(this.addressesOf(link))
    const chains = new Set(iptablesChainNames({ containerId, ifName }))
    const keys = [`link ${link}`]
    for (const { entry } of this.host.entries()) {
      const isChain = entry.kind === 'iptables-chain' && chains.has(entry.name)
      if (isChain || isElementOf(entry, link, addresses)) keys.push(entryKey(entry))
    }
    for (const key of keys) this.spared.delete(key)
    return { keys, holder: holderOf(link) }
  }

  /** Addresses that pods have, by whose they are: the guard knows them. */
  *held(): Iterable<readonly [holder: string, address: string]> {
    for (const [link, address] of this.addresses()) yield [holderKey(holderOf(link)), address]
  }

  private *addresses(): Iterable<readonly [link: string, address: string]> {
    for (const { entry } of this.host.entries()) {
      const [link, address] = this.spared.has(entryKey(entry)) ? guardedAddress(entry) : []
      if (link !== undefined && address !== undefined) yield [link, address]
    }
  }

  private *addressesOf(wanted: string): Iterable<string> {
    for (const [link, address] of this.addresses()) if (link === wanted) yield address
  }

  private isOfPods(entry: Entry, mark: ObservedEntry['mark']): boolean {
    if (entry.kind === 'nft-table') return mark === 'ours' && isAttachmentTable(entry.name)
    if (entry.kind === 'nft-element') return isAttachmentTable(entry.table)
    if (entry.kind === 'iptables-chain') return true
    if (entry.kind === 'link') return mark === 'ours' && isAttachmentOwner(entry.owner)
    if (!('link' in entry) || entry.link === undefined) return false
    const link = this.host.get(`link ${entry.link}`)
    return link?.mark === 'ours' && link.entry.kind === 'link' && isAttachmentOwner(link.entry.owner)
  }
}

/** Whose the addresses are is not known; the name is no container's. */
function holderOf(link: string): Holder {
  return { containerId: '', ifName: link }
}

/** An element that names the interface, or an address of the pod behind it. */
function isElementOf(entry: Entry, link: string, addresses: ReadonlySet<string>): boolean {
  if (entry.kind !== 'nft-element') return false
  return [...entry.key, ...valuesOf(entry)].some(word => word === link || addresses.has(word))
}

function valuesOf({ value }: NftElementEntry): readonly string[] {
  return value === undefined || 'do' in value ? [] : value
}

function guardedAddress(entry: Entry): readonly string[] {
  const isAddress = entry.kind === 'nft-element' && (entry.set === 'ipv4' || entry.set === 'ipv6')
  return isAddress ? entry.key : []
}
