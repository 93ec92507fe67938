import { hasCode } from '../../base/index.ts'
import { type NetlinkClient, nft } from '../../netlink/index.ts'
import type { NftElementEntry, NftSet } from '../entry.ts'
import { tableKey } from '../kinds/nft-table.ts'
import type { ObservedEntry } from '../operation.ts'
import { observedElements } from './codecs/nft-element.ts'
import { isOurTable, observedTable } from './codecs/nft-table.ts'

/** Reads tables: ours whole, of others' the names. A kernel without nftables has none. */
export class NftObserver {
  private readonly client: NetlinkClient
  /** Sets of our tables, by table key: what is needed to encode an element. */
  private readonly sets = new Map<string, readonly NftSet[]>()

  constructor(client: NetlinkClient) {
    this.client = client
  }

  async observe(): Promise<ObservedEntry[]> {
    const result: ObservedEntry[] = []
    for (const table of await this.tables()) result.push(...(await this.readIfThere(table)))
    return result
  }

  /** The tables of these names, in whatever family. */
  async observeNamed(names: ReadonlySet<string>): Promise<ObservedEntry[]> {
    const result: ObservedEntry[] = []
    for (const table of await this.tables()) {
      if (names.has(table.name)) result.push(...(await this.readIfThere(table)))
    }
    return result
  }

  /** The set of an element; undefined if the kernel has no such set. */
  async setOf(element: NftElementEntry): Promise<NftSet | undefined> {
    const { family, table } = element
    if (!this.sets.has(tableKey(family, table))) {
      const found = await this.setsOf(family, table)
      const { entry } = observedTable({ family, name: table }, { chains: [], rules: [], sets: found })
      this.remember(family, table, entry.sets)
    }
    return this.knownSet(element)
  }

  /** The same without asking the kernel. */
  knownSet({ family, table, set }: NftElementEntry): NftSet | undefined {
    return this.sets.get(tableKey(family, table))?.find(({ name }) => name === set)
  }

  remember(family: nft.Family, table: string, sets: readonly NftSet[]): void {
    this.sets.set(tableKey(family, table), sets)
  }

  forget(family: nft.Family, table: string): void {
    this.sets.delete(tableKey(family, table))
  }

  /** A table that is not there has none. */
  private async setsOf(family: nft.Family, table: string): Promise<nft.Set[]> {
    try {
      return (await this.client.dump(nft.listSets({ family, table }))).map(nft.decodeSet)
    } catch (error) {
      if (hasCode(error, 'netlink.enoent')) return []
      throw error
    }
  }

  private async tables(): Promise<nft.Table[]> {
    try {
      return (await this.client.dump(nft.listTables())).map(nft.decodeTable)
    } catch (error) {
      // A kernel without nf_tables answers EINVAL or EOPNOTSUPP: nobody speaks for the subsystem.
      if (hasCode(error, 'netlink.einval') || hasCode(error, 'netlink.eopnotsupp')) return []
      if (hasCode(error, 'netlink.eprotonosupport')) return []
      throw error
    }
  }

  /** One that somebody deletes while it is read has nothing; of what comes after, events tell. */
  private async readIfThere(table: nft.Table): Promise<ObservedEntry[]> {
    try {
      return await this.read(table)
    } catch (error) {
      if (hasCode(error, 'netlink.enoent')) return []
      throw error
    }
  }

  private async read(table: nft.Table): Promise<ObservedEntry[]> {
    const { family, name } = table
    if (!isOurTable(table)) return [observedTable(table, undefined)]
    const chains = (await this.client.dump(nft.listChains({ family }))).map(nft.decodeChain)
    const rules = (await this.client.dump(nft.listRules({ family, table: name }))).map(nft.decodeRule)
    const sets = (await this.client.dump(nft.listSets({ family, table: name }))).map(nft.decodeSet)
    const own = { chains: chains.filter(chain => chain.table === name), rules, sets }
    const observed = observedTable(table, own)
    this.remember(family, name, observed.entry.sets)
    const elements: ObservedEntry[] = []
    for (const set of sets) if (set.anonymous !== true) elements.push(...(await this.elements(set)))
    return [observed, ...elements]
  }

  private async elements(set: nft.Set): Promise<ObservedEntry[]> {
    const { family, table, name } = set
    const messages = await this.client.dump(nft.listElements({ family, table, set: name }))
    const elements = messages.flatMap(message => nft.decodeElementMessage(message).elements)
    return observedElements(set, elements)
  }
}
