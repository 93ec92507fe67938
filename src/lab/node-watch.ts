import type { Clock } from '../base/index.ts'
import { decodeEvent, parseEvents, type RouteEvent, routeGroups } from '../netlink/index.ts'
import { NetlinkEvents, Netns } from '../sys/index.ts'
import { netnsPath } from './holder.ts'
import type { Lab } from './lab.ts'
import type { LabNode } from './state.ts'
import { withTimeout } from './wait.ts'

/** A netlink event and when we heard of it. */
export interface Seen {
  readonly atMs: number
  readonly event: RouteEvent
}

/**
 * Listens to a node's routes, neighbours and forwarding entries (`ip monitor route neigh`, `bridge monitor fdb`),
 * so that what happens there can be timed without asking.
 */
export class NodeWatch implements Disposable {
  readonly node: LabNode
  /** A second handle on the node, for requests. */
  readonly netns: Netns
  private readonly clock: Clock
  private readonly events: NetlinkEvents
  private readonly seen: Seen[] = []
  private readonly waiters = new Set<(seen: Seen) => void>()

  constructor(lab: Lab, node: LabNode) {
    this.node = node
    this.clock = lab.environment.clock
    this.netns = Netns.open(netnsPath(lab.holder(node)))
    try {
      const groups = [routeGroups.ipv4Route, routeGroups.neighbour]
      this.events = NetlinkEvents.openIn(this.netns, 'route', groups, { receiveBufferBytes: 4 << 20 })
    } catch (error) {
      this.netns.close()
      throw error
    }
    this.events.start(
      datagrams => this.receive(datagrams),
      () => undefined, // lost events: the wait for them times out and says so
    )
  }

  /** The first event since `sinceMs` (clock time) that matches, already heard or still to come. */
  async event(
    what: string,
    matches: (event: RouteEvent) => boolean,
    limits: { readonly sinceMs: number; readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<Seen> {
    const isIt = (seen: Seen) => seen.atMs >= limits.sinceMs && matches(seen.event)
    const found = this.seen.find(isIt)
    if (found !== undefined) return found
    const { promise, resolve } = Promise.withResolvers<Seen>()
    const waiter = (seen: Seen) => isIt(seen) && resolve(seen)
    this.waiters.add(waiter)
    try {
      const { signal, timeoutMs } = limits
      return await withTimeout(
        `${what} on ${this.node.name}`,
        { clock: this.clock, signal, timeoutMs },
        promise,
      )
    } finally {
      this.waiters.delete(waiter)
    }
  }

  [Symbol.dispose](): void {
    this.events.close()
    this.netns.close()
  }

  private receive(datagrams: Uint8Array[]): void {
    const atMs = this.clock.nowMs()
    for (const message of parseEvents(datagrams)) {
      const event = decodeEvent(message)
      if (event === undefined) continue
      const seen = { atMs, event }
      this.seen.push(seen)
      for (const waiter of this.waiters) waiter(seen)
    }
  }
}
