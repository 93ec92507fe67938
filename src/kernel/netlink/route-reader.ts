import { hasCode, settle } from '../../base/index.ts'
import {
  decodeAddress,
  decodeFdb,
  decodeNeighbour,
  decodeRoute,
  decodeRule,
  listAddresses,
  listFdb,
  listNeighbours,
  listRoutes,
  listRules,
  type Message,
  type NetlinkClient,
  type Request,
  type RouteFilter,
} from '../../netlink/index.ts'
import type { ObservedEntry } from '../operation.ts'
import { observedAddress } from './codecs/address.ts'
import { observedFdb } from './codecs/fdb.ts'
import { observedNeighbour } from './codecs/neighbour.ts'
import { observedRoute } from './codecs/route.ts'
import { observedRule } from './codecs/rule.ts'
import type { LinkTable } from './link-table.ts'
import { observeTraffic } from './traffic-observer.ts'

/** Messages between two breaths of the event loop. */
const BREATH = 1000

type Found = readonly (ObservedEntry | undefined)[]

/** Reads what rtnetlink can dump, beside the links themselves, which must be known. */
export class RouteReader {
  private readonly client: NetlinkClient
  private readonly links: LinkTable

  constructor(client: NetlinkClient, links: LinkTable) {
    this.client = client
    this.links = links
  }

  /** Dumps one after another, with breaths of the event loop between. */
  async *all(): AsyncIterable<Found> {
    const { links } = this
    yield await this.read(listAddresses(), message => observedAddress(decodeAddress(message), links))
    yield await this.routes({ family: 4 })
    yield await this.routes({ family: 6 })
    for (const family of [4, 6] as const)
      yield await this.read(listRules(family), message => observedRule(decodeRule(message)))
    yield await this.read(listNeighbours(), message => observedNeighbour(decodeNeighbour(message), links))
    yield await observeTraffic(this.dump, links)
    const vxlans = [...links.links()].filter(({ kind }) => kind === 'vxlan')
    for (const { index } of vxlans)
      yield await this.read(listFdb({ linkIndex: index }), message => observedFdb(decodeFdb(message), links))
  }

  routes(filter: RouteFilter): Promise<Found> {
    return this.read(listRoutes(filter), message => observedRoute(decodeRoute(message), this.links))
  }

  /** A family or table that this kernel lacks has nothing in it. */
  readonly dump = async (request: Request): Promise<Message[]> => {
    try {
      return await this.client.dump(request)
    } catch (error) {
      const lacking = ['netlink.eopnotsupp', 'netlink.eafnosupport', 'netlink.enoent', 'netlink.enodev']
      if (lacking.some(code => hasCode(error, code))) return []
      throw error
    }
  }

  private async read(
    request: Request,
    observed: (message: Message) => ObservedEntry | undefined,
  ): Promise<Found> {
    await settle()
    const result: (ObservedEntry | undefined)[] = []
    for (const message of await this.dump(request)) {
      result.push(observed(message))
      if (result.length % BREATH === 0) await settle()
    }
    return result
  }
}
