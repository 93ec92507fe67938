import { Mutex, settle } from '../../base/index.ts'
import {
  decodeLink,
  type FlowFilter,
  type Link,
  listLinks,
  NetlinkClient,
  parseEvents,
} from '../../netlink/index.ts'
import type { Netns, RunProgram } from '../../sys/index.ts'
import type { DeviceLink, Entry, OffloadEntry, SettingEntry } from '../entry.ts'
import { Iptables } from '../iptables/iptables.ts'
import { isSetting } from '../kinds/setting.ts'
import { vlansWanted } from '../kinds/vlans.ts'
import type { ApplyContext, Kernel, KernelEvent, ObservedEntry, Operation, Outcome } from '../operation.ts'
import { observedLink } from './codecs/observed-link.ts'
import { devicePlaces } from './device-places.ts'
import { EventFold } from './event-fold.ts'
import { EventSources, type OpenEvents } from './event-sources.ts'
import { forgetFlows } from './flows.ts'
import { readVlans } from './link-exchange.ts'
import { LinkTable } from './link-table.ts'
import { NftApplier } from './nft-applier.ts'
import { NftEvents } from './nft-events.ts'
import { NftObserver } from './nft-observer.ts'
import type { Failure } from './refusals.ts'
import { Rereader } from './rereader.ts'
import { RouteApplier } from './route-applier.ts'
import { RouteReader } from './route-reader.ts'
import { readSetting, writeSetting } from './settings.ts'
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
  /** Kinds of links for which the machine's kernel has loaded what it takes: more come with each that is made. */
  readonly readyKinds?: Set<string>
  /** Links that were made in it a moment ago, with their indexes: what they were made as need not be said again. */
  readonly newLinks?: ReadonlyMap<DeviceLink, number>
}

/** The real kernel: one network namespace through its netlink sockets and sysctl directories. */
export class NetlinkKernel implements Kernel {
  private readonly netns: Netns
  private readonly route: NetlinkClient
  private readonly netfilter: NetlinkClient
  private readonly links = new LinkTable()
  private readonly readyKinds: Set<string>
  /** By link: what somebody has asked for, or about. */
  private readonly offloads = new Map<string, OffloadEntry>()
  private readonly reader: RouteReader
  private readonly rereader: Rereader
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
    this.reader = new RouteReader(this.route, this.links)
    this.nftObserver = new NftObserver(this.netfilter)
    this.nftApplier = new NftApplier(this.netfilter, this.nftObserver)
    this.nftEvents = new NftEvents(() => netns.netfilter.portId)
    this.iptables = new Iptables(options.runProgram, {
      emit: event => this.emit(event),
      catchUp: () => this.catchUp(),
    })
    this.wireguard = new WireguardKernel(options.wireguard)
    this.fold = new EventFold(this.links, event => this.hear(event))
    this.rereader = new Rereader({
      client: this.route,
      links: this.links,
      reader: this.reader,
      nftObserver: this.nftObserver,
      onLink: link => this.lookAtLink(link),
      emit: event => this.emit(event),
    })
    this.openTun = options.openTun ?? noTun
    this.readyKinds = options.readyKinds ?? new Set()
    for (const [link, index] of options.newLinks ?? []) this.links.know(link, index)
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
    for await (const found of this.reader.all()) add(found)
    add(
      await this.wireguard.observe(
        links.filter(({ kind }) => kind === 'wireguard').map(({ index }) => index),
      ),
    )
    add(await this.nftObserver.observe())
    add(await this.iptables.observe(wanted))
    for (const entry of wanted) if (isSetting(entry)) add([this.readSetting(entry)])
    // Events of what the dumps show already must not come after them.
    await this.catchUp()
    return observed
  }

  readSetting(entry: SettingEntry): ObservedEntry | undefined {
    if (entry.kind === 'offload') this.offloads.set(entry.link, entry)
    return readSetting(this.netns, entry)
  }

  async apply(operations: readonly Operation[], context?: ApplyContext): Promise<readonly Outcome[]> {
    const failures = new Map<Operation, Failure>()
    const applier = new RouteApplier({
      client: this.route,
      links: this.links,
      readyKinds: this.readyKinds,
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
    const chains = operations.filter(({ entry }) => entry.kind === 'iptables-chain')
    if (chains.length > 0) {
      for (const [operation, failure] of await this.iptables.apply(chains)) failures.set(operation, failure)
    }
    const outcomes = operations.map(operation => {
      const error = failures.get(operation)
      return error === undefined ? { operation } : { operation, error }
    })
    if (context?.onOutcomes !== undefined) {
      context.onOutcomes(outcomes)
      // To decode what the kernel tells of a pod's links takes as long as to set up the pod: that goes first, and so does
      // the answer, which waits for the disk. What is ready is heard of between two turns.
      await settle()
      await settle()
    }
    if (this.sources !== undefined) await applier.learn()
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
    const finish = async (run: Run) => {
      await applier.flush()
      if (run.by === 'nft') await this.applyNft(run.operations, failures)
      else await this.applyWireguard(run.operations, applier, failures)
    }
    for (const [i, operation] of operations.entries()) {
      const { entry } = operation
      const by = otherSocketOf(entry)
      if (run !== undefined && by !== run.by) {
        await finish(run)
        run = undefined
      }
      if (by !== undefined) {
        run ??= { by, operations: [] }
        run.operations.push(operation)
        continue
      }
      if (entry.kind === 'iptables-chain') continue
      if (isSetting(entry)) {
        if (applier.refuses(operation)) continue
        if (entry.kind === 'offload') this.offloads.set(entry.link, entry)
        // At once: its link was made already (`add` waits for that), and goes up with what is queued.
        const failure = writeSetting(this.netns, operation, entry)
        if (failure !== undefined) failures.set(operation, failure)
        else this.emit({ event: 'set', observed: { entry, mark: 'foreign' } })
      } else await applier.add(operation, !positions.has(operation))
      for (const link of upAfter.get(i) ?? []) applier.setUp(link)
    }
    if (run !== undefined) await finish(run)
  }

  private applyNft(operations: readonly Operation[], failures: Map<Operation, Failure>): Promise<void> {
    return this.nftTurns.run(async () => {
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
    for await (const done of this.wireguard.apply(items)) {
      for (const [operation, failure] of done.failures) failures.set(operation, failure)
      for (const event of done.events) this.emit(event)
    }
  }

  /** Folds what is queued right now, so that no own write looks like somebody else's later. */
  private async catchUp(): Promise<void> {
    await this.sources?.drain()
  }

  private async foldRoute(datagrams: readonly Uint8Array[]): Promise<void> {
    await this.rereader.reread(await this.fold.fold(parseEvents(datagrams)))
  }

  private async foldNft(datagrams: readonly Uint8Array[]): Promise<void> {
    const { tables: names, iptables } = this.nftEvents.fold(parseEvents(datagrams))
    for (const family of iptables) this.iptables.touched(family)
    if (names.size > 0) await this.nftTurns.run(() => this.rereader.rereadTables(names))
  }

  private lookAtLink(link: Link): void {
    this.links.set(link)
    this.emit({ event: 'set', observed: observedLink(link, this.links) })
  }

  /** That a link leaves something else to its device is told as a change of the link, which does not say what it is. */
  private hear(event: KernelEvent): void {
    this.emit(event)
    const entry = event.event === 'set' ? event.observed.entry : undefined
    const offload = entry?.kind === 'link' ? this.offloads.get(entry.name) : undefined
    const observed = offload && readSetting(this.netns, offload)
    if (observed !== undefined) this.emit({ event: 'set', observed })
  }

  private emit(event: KernelEvent): void {
    for (const listener of this.listeners) listener(event)
  }
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

function wantsVlans(entry: Entry): boolean {
  return entry.kind === 'link' && vlansWanted(entry) !== undefined
}

function noTun(name: string): never {
  throw new Error(`device ${name} cannot be made here: NetlinkKernel was given no way to open /dev/net/tun`)
}
