import { decodeLink, getLink, type Link, type NetlinkClient } from '../../netlink/index.ts'
import { type Entry, entryKey } from '../entry.ts'
import { NFT_FAMILIES } from '../nft-entry.ts'
import type { KernelEvent, ObservedEntry } from '../operation.ts'
import { ROUTE_PROTOCOL } from '../ownership.ts'
import type { Rereads } from './event-fold.ts'
import type { LinkTable } from './link-table.ts'
import type { NftObserver } from './nft-observer.ts'
import type { RouteReader } from './route-reader.ts'
import { readQdisc, readRedirect } from './traffic-observer.ts'

export interface RereaderOptions {
  readonly client: NetlinkClient
  readonly links: LinkTable
  readonly reader: RouteReader
  readonly nftObserver: NftObserver
  readonly onLink: (link: Link) => void
  readonly emit: (event: KernelEvent) => void
}

/** Reads what events only hint at, and tells of it as events. */
export class Rereader {
  private readonly options: RereaderOptions

  constructor(options: RereaderOptions) {
    this.options = options
  }

  async reread(rereads: Rereads): Promise<void> {
    for (const index of rereads.links) await this.rereadLink(index)
    for (const index of rereads.routesOfLinks) await this.rereadRoutes(index)
    const { reader } = this.options
    for (const index of rereads.redirectsOfLinks) await this.rereadTraffic('redirect', readRedirect, index)
    for (const index of rereads.qdiscsOfLinks) await this.rereadTraffic('qdisc', readQdisc, index)
    if (!rereads.ourIpv4Routes) return
    const entries = (await reader.routes({ family: 4, protocol: ROUTE_PROTOCOL })).filter(isFound)
    this.options.emit({ event: 'replace', scope: { kind: 'route', family: 4, mark: 'ours' }, entries })
  }

  /** The tables of these names, in all families. */
  async rereadTables(names: ReadonlySet<string>): Promise<void> {
    const { nftObserver, emit } = this.options
    const observed = await nftObserver.observeNamed(names)
    const tables = observed.filter(({ entry }) => entry.kind === 'nft-table')
    const present = new Set(tables.map(({ entry }) => entryKey(entry)))
    for (const family of NFT_FAMILIES) {
      for (const name of names) {
        const key = `nft-table ${family} ${name}`
        if (!present.has(key)) {
          emit({ event: 'gone', key })
          emit({ event: 'parent-gone', parent: key })
        }
        const entries = observed.filter(({ entry }) => isElementOf(entry, key))
        emit({ event: 'replace', scope: { kind: 'nft-element', parent: key }, entries })
      }
    }
    for (const table of tables) emit({ event: 'set', observed: table })
  }

  private async rereadLink(index: number): Promise<void> {
    const { client, onLink } = this.options
    const [reply] = await client.send([getLink({ index })])
    if (reply?.ok === true) for (const message of reply.messages) onLink(decodeLink(message))
  }

  private async rereadRoutes(linkIndex: number): Promise<void> {
    const { links, reader, emit } = this.options
    const name = links.nameOf(linkIndex)
    if (name === undefined) return
    const found = [
      ...(await reader.routes({ family: 4, linkIndex })),
      ...(await reader.routes({ family: 6, linkIndex })),
    ]
    const scope = { kind: 'route', parent: `link ${name}` } as const
    emit({ event: 'replace', scope, entries: found.filter(isFound) })
  }

  private async rereadTraffic(
    kind: 'redirect' | 'qdisc',
    read: typeof readRedirect,
    linkIndex: number,
  ): Promise<void> {
    const { links, reader, emit } = this.options
    const name = links.nameOf(linkIndex)
    if (name === undefined) return
    const observed = await read(reader.dump, links, linkIndex)
    emit(observed === undefined ? { event: 'gone', key: `${kind} dev ${name}` } : { event: 'set', observed })
  }
}

function isFound(observed: ObservedEntry | undefined): observed is ObservedEntry {
  return observed !== undefined
}

function isElementOf(entry: Entry, tableKey: string): boolean {
  return entry.kind === 'nft-element' && `nft-table ${entry.family} ${entry.table}` === tableKey
}
