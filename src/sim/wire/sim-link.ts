import type { KubernetesRequest, KubernetesResponse, KubernetesTransport } from '../../store/index.ts'
import type { Scheduler, SimClock } from '../scheduler.ts'
import { Exchange } from './exchange.ts'
import { isAbout, type LinkFaults, noFaults, type WatchedResource } from './link-faults.ts'
import type { SimWatchStream } from './sim-watch-stream.ts'

/** Where a process may die: before its request leaves, or after the server has done it and before it knows. */
export type RequestPoint = 'before-send' | 'after-work'

export interface SimLinkOptions {
  readonly name: string
  readonly scheduler: Scheduler
  /** A request arrives at the server. */
  readonly receive: (link: SimLink, exchange: Exchange) => void
}

/**
 * The line from one machine to the API server, with everything that can be wrong with it. It outlives the processes
 * that talk over it; each of them has its own transport.
 */
export class SimLink {
  readonly name: string
  /** Changed by `set` and `heal`. */
  readonly faults: LinkFaults = noFaults()
  /** Asked at every request; to crash there, stop the process's clock and `kill` its transport. */
  onPoint: ((point: RequestPoint, request: KubernetesRequest) => void) | undefined
  readonly watches = new Set<SimWatchStream>()
  private readonly options: SimLinkOptions
  private readonly luck: () => number
  private readonly exchanges = new Set<Exchange>()

  constructor(options: SimLinkOptions) {
    this.options = options
    this.name = options.name
    this.luck = options.scheduler.stream(`wire of ${options.name}`)
  }

  /** The transport of a process that starts now. */
  transport(clock: SimClock): SimTransport {
    return new SimTransport(this, clock)
  }

  /** Sets faults: `set({ partition: 'both' })`. */
  set(faults: Partial<LinkFaults>): void {
    Object.assign(this.faults, faults)
    for (const exchange of this.exchanges) exchange.nudge()
    for (const watch of this.watches) watch.releaseUnlessSilenced()
  }

  /** The watches of one resource, or all. */
  watchesOf(resource: WatchedResource | undefined): readonly SimWatchStream[] {
    return [...this.watches].filter(watch => isAbout(watch.request, resource))
  }

  /** Ends everything that is wrong with it. What was held up on the way arrives, as after a long retransmission. */
  heal(): void {
    this.set(noFaults())
  }

  /** Connections of this line break at the server's end. */
  breakAll(why: string): void {
    for (const exchange of this.exchanges) exchange.breakOff(why)
  }

  /** Used by `SimTransport`. */
  exchange(
    clock: SimClock,
    request: KubernetesRequest,
    use: 'call' | 'stream',
    signal: AbortSignal,
    onOver: (exchange: Exchange) => void,
  ): Exchange {
    const { scheduler, receive } = this.options
    const exchange: Exchange = new Exchange({
      request,
      use,
      signal,
      toServer: {
        delayMs: () => this.delayMs(),
        blocked: () => this.faults.partition === 'both',
        after: (delayMs, arrive) => scheduler.after(delayMs, `${this.name} > api: ${request.op}`, arrive),
      },
      toClient: {
        delayMs: () => this.delayMs() + (use === 'stream' ? this.lagMs(request) : 0),
        blocked: () => this.faults.partition !== 'none',
        after: (delayMs, arrive) => clock.after(delayMs, arrive, `api > ${this.name}: ${request.op}`),
      },
      receive: () => receive(this, exchange),
      onOver: () => {
        this.exchanges.delete(exchange)
        onOver(exchange)
      },
    })
    this.exchanges.add(exchange)
    return exchange
  }

  private lagMs(request: KubernetesRequest): number {
    const { lagging, watchLagMs } = this.faults
    return isAbout(request, lagging) ? watchLagMs : 0
  }

  private delayMs(): number {
    return 0.2 + 2 * this.luck() + this.faults.slowMs
  }
}

/** What one process sends its requests by. */
export class SimTransport implements KubernetesTransport {
  readonly server = 'http://api.sim'
  private readonly link: SimLink
  private readonly clock: SimClock
  private readonly underWay = new Set<Exchange>()

  constructor(link: SimLink, clock: SimClock) {
    this.link = link
    this.clock = clock
  }

  open(request: KubernetesRequest, use: 'call' | 'stream', signal: AbortSignal): Promise<KubernetesResponse> {
    this.link.onPoint?.('before-send', request)
    // who died there waits for nothing any more
    if (!this.clock.alive) return new Promise(() => undefined)
    const exchange = this.link.exchange(this.clock, request, use, signal, over => this.underWay.delete(over))
    this.underWay.add(exchange)
    return exchange.start()
  }

  /** There are no idle connections. */
  close(): void {}

  /** The process is gone: the server learns it by the closed connections. */
  kill(): void {
    for (const exchange of this.underWay) exchange.leave()
  }
}
