import { settle } from '../../base/index.ts'
import { netfilterGroups, routeGroups } from '../../netlink/index.ts'
import type { NetlinkEvents, NetlinkEventsOptions, NetlinkProtocol } from '../../sys/index.ts'

export type OpenEvents = (
  protocol: NetlinkProtocol,
  groups: readonly number[],
  options: NetlinkEventsOptions,
) => NetlinkEvents

export interface EventHandlers {
  onRoute(datagrams: readonly Uint8Array[]): Promise<void>
  onNft(datagrams: readonly Uint8Array[]): Promise<void>
  onOverflow(why: string): void
}

/** Room for the echo of a chunk of our own writes and for a foreign flush of thousands of routes. */
const RECEIVE_BUFFER_BYTES = 16 * 1024 * 1024

/** The two multicast sockets of a namespace, handled strictly one batch after another, in the order received. */
export class EventSources {
  private readonly handlers: EventHandlers
  private readonly route: NetlinkEvents
  private readonly nft: NetlinkEvents
  private tail: Promise<void> = Promise.resolve()
  private closed = false

  constructor(open: OpenEvents, handlers: EventHandlers) {
    this.handlers = handlers
    const options = { receiveBufferBytes: RECEIVE_BUFFER_BYTES }
    const { nsid: _unused, ...groups } = routeGroups
    this.route = open('route', Object.values(groups), options)
    try {
      this.nft = open('netfilter', Object.values(netfilterGroups), options)
    } catch (error) {
      this.route.close()
      throw error
    }
    this.route.start(
      datagrams => this.enqueueUnhurried(() => this.handlers.onRoute(datagrams)),
      () => this.overflow('route'),
    )
    this.nft.start(
      datagrams => this.enqueueUnhurried(() => this.handlers.onNft(datagrams)),
      () => this.overflow('nftables'),
    )
  }

  /** Resolves when all that is queued right now has been handled. */
  async drain(): Promise<void> {
    if (this.closed) return
    const route = this.route.drain()
    if (route.datagrams.length > 0) this.enqueue(() => this.handlers.onRoute(route.datagrams))
    if (route.overflow) this.overflow('route')
    const nft = this.nft.drain()
    if (nft.datagrams.length > 0) this.enqueue(() => this.handlers.onNft(nft.datagrams))
    if (nft.overflow) this.overflow('nftables')
    await this.tail
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.route.close()
    this.nft.close()
  }

  /** Whatever else has become ready at the same time, such as what an ADD waits for, goes first (0.5 ms of it). */
  private enqueueUnhurried(handle: () => Promise<void>): void {
    this.enqueue(async () => {
      await settle()
      await handle()
    })
  }

  private enqueue(handle: () => Promise<void>): void {
    this.tail = this.tail.then(async () => {
      if (this.closed) return
      try {
        await handle()
      } catch (error) {
        this.handlers.onOverflow(
          `events could not be handled: ${error instanceof Error ? error.message : error}`,
        )
      }
    })
  }

  private overflow(source: string): void {
    this.enqueue(async () => this.handlers.onOverflow(`the queue of ${source} events overflowed (ENOBUFS)`))
  }
}
