import { hasCode, Mutex, settle } from '../../base/index.ts'
import {
  decodeAddress,
  decodeFdb,
  decodeLink,
  decodeNeighbour,
  decodeRoute,
  decodeRule,
  type FlowFilter,
  getLink,
  type Link,
  listAddresses,
  listFdb,
  listLinks,
  listNeighbours,
  listRoutes,
  listRules,
  type Message,
  NetlinkClient,
  parseEvents,
  type Request,
  type RouteFilter,
} from '../../netlink/index.ts'
import type { Netns, RunProgram } from '../../sys/index.ts'
import { type Entry, entryKey, NFT_FAMILIES, type SysctlEntry } from '../entry.ts'
import { Iptables } from '../iptables/iptables.ts'
import { vlansWanted } from '../kinds/vlans.ts'
import type { ApplyContext, Kernel, KernelEvent, ObservedEntry, Operation, Outcome } from '../operation.ts'
import { ROUTE_PROTOCOL } from '../ownership.ts'
import { observedAddress } from './codecs/address.ts'
import { observedFdb } from './codecs/fdb.ts'
import { observedNeighbour } from './codecs/neighbour.ts'
import { observedLink } from './codecs/observed-link.ts'
import { observedRoute } from './codecs/route.ts'
import { observedRule } from './codecs/rule.ts'
import { devicePlaces } from './device-places.ts'
import { EventFold, type Rereads } from './event-fold.ts'
import { EventSources, type OpenEvents } from './event-sources.ts'
import { forgetFlows } from './flows.ts'
import { readVlans } from './link-exchange.ts'
import { LinkTable } from './link-table.ts'
import { NftApplier } from './nft-applier.ts'
import { NftEvents } from './nft-events.ts'
import { NftObserver } from './nft-observer.ts'
import type { Failure } from './refusals.ts'
import { RouteApplier } from './route-applier.ts'
import { readSysctl, writeSysctl } from './sysctl.ts'
import { observeTraffic, readQdisc, readRedirect } from './traffic-observer.ts'
import type { OpenTun } from './tun-creation.ts'
import { upPositions } from './up-positions.ts'
import { type WireguardAccess, WireguardKernel, type WireguardOperation } from './wireguard-kernel.ts'

export interface NetlinkKernelOptions {
  /** Stays the caller's: `close` does not close it. */
  readonly netns: Netns
  /**
   * Opens the multicast sockets in that namespace: `NetlinkEvents.open` for the process's own. Without it nothing is
   * watched, as for a pod's namespace that is at hand for one call.
   */
  readonly openEvents?: OpenEvents
  /** Where TUN and TAP devices come from, such as `openTun`; without it none is made. */
  readonly openTun?: OpenTun
  /** Starts `iptables` in that namespace: `runProgram` for the process's own. Without it there are no chains of it. */
  readonly runProgram?: RunProgram
  /** Without it nothing is known of what wireguard links are set up with. */
  readonly wireguard?: WireguardAccess
  /** Indexes of links, by name, that need not be looked up. */
  readonly knownLinks?: ReadonlyMap<string, number>
}

/** Messages between two breaths of the event loop. */
const BREATH = 1000

/** The real kernel: one network namespace through its netlink sockets and sysctl directories. */
export class NetlinkKernel implements Kernel {
  private readonly netns: Netns
  private readonly route: NetlinkClient
  private readonly netfilter: NetlinkClient
  private readonly links = new LinkTable()
  private readonly nftObserver: NftObserver
  private readonly nftApplier: NftApplier
  private readonly nftEvents: NftEvents
  /** A table is read, and what was read is told, before or after a transaction of ours, of which no event tells. */
  private readonly nftTurns = new Mutex()
  private readonly iptables: Iptables
  private readonly wireguard: WireguardKernel
  private readonly fold: EventFold
  private readonly listeners = new Set<(event: KernelEvent) => void>()
  private readonly sources: EventSources | undefined
  private readonly openTun: OpenTun

  constructor(options: NetlinkKernelOptions) {
    const { netns, openEvents } = options
    this.netns = netns
    this.route = new NetlinkClient(netns.route)
    this.netfilter = new NetlinkClient(netns.netfilter)
    this.nftObserver = new NftObserver(this.netfilter)
    this.nftApplier = new NftApplier(this.netfilter, this.nftObserver)
    this.nftEvents = new NftEvents(() => netns.netfilter.portId)
    this.iptables = new Iptables(options.runProgram, {
      emit: event => this.emit(event),
      catchUp: () => this.catchUp(),
    })
    this.wireguard = new WireguardKernel(options.wireguard)
    this.fold = new EventFold(this.links, event => this.emit(event))
    this.openTun = options.openTun ?? noTun
    for (const [name, index] of options.knownLinks ?? []) this.links.know(name, index)
    this.sources =
      openEvents &&
      new EventSources(openEvents, {
        onRoute: datagrams => this.foldRoute(datagrams),
        onNft: datagrams => this.foldNft(datagrams),
        onOverflow: why => this.emit({ event: 'resync', why }),
      })
  }

  async observe(desired: Iterable<Entry> = [], context?: ApplyContext): Promise<readonly ObservedEntry[]> {
    const links = (await this.route.dump(listLinks())).map(decodeLink)
    this.links.reset(links)
    const wanted = [...desired]
    if (wanted.some(wantsVlans)) await readVlans(this.route, this.links)
    const places = await devicePlaces(this.route, links, context?.namespaces ?? new Map())
    const observed = links.map(link => observedLink(link, this.links, places.get(link.index)))
    const add = (found: readonly (ObservedEntry | undefined)[]) => {
      for (const item of found) if (item !== undefined) observed.push(item)
    }
    for (const read of this.reads()) {
      await settle()
      add(await read())
    }
    add(await this.nftObserver.observe())
    add(await this.iptables.observe(wanted))
    for (const entry of wanted) if (entry.kind === 'sysctl') add([readSysctl(this.netns, entry)])
    // Events of what the dumps show already must not come after them.
    await this.catchUp()
    return observed
  }

  readSysctl(entry: SysctlEntry): ObservedEntry | undefined {
    return readSysctl(this.netns, entry)
  }

  async apply(operations: readonly Operation[], context?: ApplyContext): Promise<readonly Outcome[]> {
    const failures = new Map<Operation, Failure>()
    const applier = new RouteApplier({
      client: this.route,
      links: this.links,
      failures,
      context,
      catchUp: () => this.catchUp(),
      openTun: this.openTun,
      home: this.netns.fds.netns,
      ...(this.sources === undefined ? {} : { onLink: (link: Link) => this.lookAtLink(link) }),
    })
    await applier.prepare(operations)
    await this.applyInOrder(operations, applier, failures)
    await applier.flush()
    // Last: nothing hangs on them, and all that are to be done are one process.
    for (const [operation, failure] of await this.iptables.apply(operations)) failures.set(operation, failure)
    const outcomes = operations.map(operation => {
      const error = failures.get(operation)
      return error === undefined ? { operation } : { operation, error }
    })
    if (context?.onOutcomes !== undefined) {
      context.onOutcomes(outcomes)
      // To decode what the kernel tells of a pod's links takes as long as to set up the pod: that goes first.
      await settle()
    }
    await applier.learn()
    return outcomes
  }

  forgetFlows(filters: readonly FlowFilter[]): Promise<number> {
    return forgetFlows(this.netfilter, filters)
  }

  iptablesFault(family: 4 | 6): Promise<string | undefined> {
    return this.iptables.fault(family)
  }

  watch(listener: (event: KernelEvent) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  close(): void {
    this.listeners.clear()
    this.sources?.close()
    this.wireguard.close()
  }

  private async applyInOrder(
    operations: readonly Operation[],
    applier: RouteApplier,
    failures: Map<Operation, Failure>,
  ): Promise<void> {
    const positions = upPositions(operations)
    const upAfter = new Map<number, Operation[]>()
    for (const [operation, at] of positions) upAfter.set(at, [...(upAfter.get(at) ?? []), operation])
    let run: Run | undefined
    const finishRun = async () => {
      if (run === undefined) return
      await applier.flush()
      if (run.by === 'nft') await this.applyNft(run.operations, failures)
      else await this.applyWireguard(run.operations, applier, failures)
      run = undefined
    }
    for (const [i, operation] of operations.entries()) {
      const { entry } = operation
      const by = otherSocketOf(entry)
      if (by !== run?.by) await finishRun()
      if (by !== undefined) {
        run ??= { by, operations: [] }
        run.operations.push(operation)
        continue
      }
      if (entry.kind === 'iptables-chain') continue
      if (entry.kind === 'sysctl') {
        if (applier.refuses(operation)) continue
        // At once: its link was made already (`add` waits for that), and goes up with what is queued.
        const failure = writeSysctl(this.netns, operation, entry)
        if (failure !== undefined) failures.set(operation, failure)
        else this.emit({ event: 'set', observed: { entry, mark: 'foreign' } })
      } else await applier.add(operation, !positions.has(operation))
      for (const link of upAfter.get(i) ?? []) applier.setUp(link)
    }
    await finishRun()
  }

  private async applyNft(operations: readonly Operation[], failures: Map<Operation, Failure>): Promise<void> {
    await this.nftTurns.run(async () => {
      const done = await this.nftApplier.apply(operations)
      for (const [operation, failure] of done.failures) failures.set(operation, failure)
      for (const event of done.events) this.emit(event)
    })
  }

  private async applyWireguard(
    operations: readonly Operation[],
    applier: RouteApplier,
    failures: Map<Operation, Failure>,
  ): Promise<void> {
    const items: WireguardOperation[] = []
    for (const operation of operations) {
      const { entry } = operation
      if (entry.kind !== 'wireguard' && entry.kind !== 'wireguard-peer') continue
      const linkIndex = await applier.indexOf(operation, entry.link)
      if (linkIndex !== undefined) items.push({ operation, entry, linkIndex })
    }
    const done = await this.wireguard.apply(items)
    for (const [operation, failure] of done.failures) failures.set(operation, failure)
    for (const event of done.events) this.emit(event)
  }

  private reads(): (() => Promise<(ObservedEntry | undefined)[]>)[] {
    const { links } = this
    const dumped =
      <T>(
        request: Request,
        decode: (message: Message) => T,
        observed: (value: T) => ObservedEntry | undefined,
      ) =>
      async () =>
        unhurried(await this.dump(request), message => observed(decode(message)))
    const ofKind = (name: string) => [...links.links()].filter(({ kind }) => kind === name)
    return [
      dumped(listAddresses(), decodeAddress, address => observedAddress(address, links)),
      () => this.readRoutes({ family: 4 }),
      () => this.readRoutes({ family: 6 }),
      dumped(listRules(4), decodeRule, observedRule),
      dumped(listRules(6), decodeRule, observedRule),
      dumped(listNeighbours(), decodeNeighbour, neighbour => observedNeighbour(neighbour, links)),
      () => observeTraffic(this.dump, links),
      () => this.wireguard.observe(ofKind('wireguard').map(({ index }) => index)),
      ...ofKind('vxlan').map(({ index }) =>
        dumped(listFdb({ linkIndex: index }), decodeFdb, fdb => observedFdb(fdb, links)),
      ),
    ]
  }

  private async readRoutes(filter: RouteFilter): Promise<(ObservedEntry | undefined)[]> {
    const messages = await this.dump(listRoutes(filter))
    return unhurried(messages, message => observedRoute(decodeRoute(message), this.links))
  }

  /** A family or table that this kernel lacks has nothing in it. */
  private readonly dump = async (request: Request): Promise<Message[]> => {
    try {
      return await this.route.dump(request)
    } catch (error) {
      const lacking = ['netlink.eopnotsupp', 'netlink.eafnosupport', 'netlink.enoent', 'netlink.enodev']
      if (lacking.some(code => hasCode(error, code))) return []
      throw error
    }
  }

  /** Folds what is queued right now, so that no own write looks like somebody else's later. */
  private async catchUp(): Promise<void> {
    await this.sources?.drain()
  }

  private async foldRoute(datagrams: readonly Uint8Array[]): Promise<void> {
    await this.reread(await this.fold.fold(parseEvents(datagrams)))
  }

  private async foldNft(datagrams: readonly Uint8Array[]): Promise<void> {
    const { tables: names, iptables } = this.nftEvents.fold(parseEvents(datagrams))
    for (const family of iptables) this.iptables.touched(family)
    if (names.size > 0) await this.nftTurns.run(() => this.rereadTables(names))
  }

  private async rereadTables(names: ReadonlySet<string>): Promise<void> {
    const observed = await this.nftObserver.observeNamed(names)
    const tables = new Set<string>()
    for (const { entry } of observed) if (entry.kind === 'nft-table') tables.add(entryKey(entry))
    for (const family of NFT_FAMILIES) {
      for (const name of names) {
        const key = `nft-table ${family} ${name}`
        if (!tables.has(key)) {
          this.emit({ event: 'gone', key })
          this.emit({ event: 'parent-gone', parent: key })
        }
        const elements = observed.filter(({ entry }) => isElementOf(entry, key))
        this.emit({ event: 'replace', scope: { kind: 'nft-element', parent: key }, entries: elements })
      }
    }
    for (const item of observed)
      if (item.entry.kind === 'nft-table') this.emit({ event: 'set', observed: item })
  }

  private async reread(rereads: Rereads): Promise<void> {
    const { routesOfLinks, ourIpv4Routes, links, redirectsOfLinks, qdiscsOfLinks } = rereads
    for (const index of links) {
      const [reply] = await this.route.send([getLink({ index })])
      if (reply?.ok !== true) continue
      for (const message of reply.messages) this.lookAtLink(decodeLink(message))
    }
    for (const linkIndex of routesOfLinks) {
      const name = this.links.nameOf(linkIndex)
      if (name === undefined) continue
      const found = [
        ...(await this.readRoutes({ family: 4, linkIndex })),
        ...(await this.readRoutes({ family: 6, linkIndex })),
      ]
      this.emit({
        event: 'replace',
        scope: { kind: 'route', parent: `link ${name}` },
        entries: found.filter(item => item !== undefined),
      })
    }
    for (const linkIndex of redirectsOfLinks) {
      const name = this.links.nameOf(linkIndex)
      if (name === undefined) continue
      this.emitRead(`redirect dev ${name}`, await readRedirect(this.dump, this.links, linkIndex))
    }
    for (const linkIndex of qdiscsOfLinks) {
      const name = this.links.nameOf(linkIndex)
      if (name === undefined) continue
      this.emitRead(`qdisc dev ${name}`, await readQdisc(this.dump, this.links, linkIndex))
    }
    if (!ourIpv4Routes) return
    const found = await this.readRoutes({ family: 4, protocol: ROUTE_PROTOCOL })
    const entries = found.filter(item => item !== undefined)
    this.emit({ event: 'replace', scope: { kind: 'route', family: 4, mark: 'ours' }, entries })
  }

  private emitRead(key: string, observed: ObservedEntry | undefined): void {
    this.emit(observed === undefined ? { event: 'gone', key } : { event: 'set', observed })
  }

  private lookAtLink(link: Link): void {
    this.links.set(link)
    this.emit({ event: 'set', observed: observedLink(link, this.links) })
  }

  private emit(event: KernelEvent): void {
    for (const listener of this.listeners) listener(event)
  }
}

/** Maps a dump, which may be long, with breaths of the event loop between. */
async function unhurried<T>(messages: readonly Message[], map: (message: Message) => T): Promise<T[]> {
  const result: T[] = []
  for (const message of messages) {
    result.push(map(message))
    if (result.length % BREATH === 0) await settle()
  }
  return result
}

/** Operations next to each other that go over one socket, which is not that of routes. */
interface Run {
  readonly by: 'nft' | 'wireguard'
  readonly operations: Operation[]
}

function otherSocketOf({ kind }: Entry): Run['by'] | undefined {
  if (kind === 'nft-table' || kind === 'nft-element') return 'nft'
  return kind === 'wireguard' || kind === 'wireguard-peer' ? 'wireguard' : undefined
}

function isElementOf(entry: Entry, tableKey: string): boolean {
  return entry.kind === 'nft-element' && `nft-table ${entry.family} ${entry.table}` === tableKey
}

function wantsVlans(entry: Entry): boolean {
  return entry.kind === 'link' && vlansWanted(entry) !== undefined
}

function noTun(name: string): never {
  throw new Error(`device ${name} cannot be made here: NetlinkKernel was given no way to open /dev/net/tun`)
}
