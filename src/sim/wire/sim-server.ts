import {
  type ApiAnswer,
  type ApiHandler,
  type ApiRequest,
  createApiHandler,
  type WatchStream,
} from '../../apiserver/index.ts'
import { type Logger, silentLogger } from '../../base/index.ts'
import { LocalStore } from '../../store/index.ts'
import type { Scheduler, SimClock } from '../scheduler.ts'
import type { Exchange } from './exchange.ts'
import { SimJournal } from './sim-journal.ts'
import { SimLink } from './sim-link.ts'
import { SimWatchStream } from './sim-watch-stream.ts'

export interface SimServerOptions {
  readonly scheduler: Scheduler
  readonly log?: Logger
  /** So many changes of each kind are kept for watchers; small ones overflow sooner. Default 100. */
  readonly windowSize?: number
}

/** The API server of a simulated cluster: the real handler over a store in memory, reached over simulated lines. */
export class SimServer {
  private readonly options: SimServerOptions
  private readonly clock: SimClock
  private readonly links = new Map<string, SimLink>()
  private readonly random: () => number
  private journal = new SimJournal()
  private behind: LocalStore
  private handler: ApiHandler
  private running = true
  private backupReadyMs = 0

  constructor(options: SimServerOptions) {
    this.options = options
    this.clock = options.scheduler.clock('api')
    this.random = options.scheduler.stream('api')
    this.behind = this.storeOver(this.journal)
    this.handler = this.handlerOver(this.behind)
  }

  /** The store behind the server, without any line between; another one after `restore`. */
  get store(): LocalStore {
    return this.behind
  }

  /** The line of a machine; the same one for the same name. */
  link(name: string): SimLink {
    const known = this.links.get(name)
    if (known !== undefined) return known
    const { scheduler } = this.options
    const link = new SimLink({
      name,
      scheduler,
      receive: (from, exchange) => void this.receive(from, exchange),
    })
    this.links.set(name, link)
    return link
  }

  /** Watches from older revisions expire from now on. */
  compact(): void {
    this.store.compact()
  }

  /** All connections break; requests are refused until `start`. */
  stop(): void {
    this.running = false
    for (const link of this.links.values()) link.breakAll('read ECONNRESET')
    this.handler.close()
  }

  /** Comes up with what it had; while a backup is put back, only that brings it up. */
  start(): void {
    if (this.running || this.options.scheduler.nowMs < this.backupReadyMs) return
    this.running = true
    this.handler = this.handlerOver(this.behind)
  }

  restart(): void {
    this.stop()
    this.start()
  }

  /**
   * Comes up with a backup that lacks the last `lost` revisions; those numbers are used again for other changes. Until
   * then it is down for a while, as nobody can put back a backup unnoticed.
   */
  restore(lost: number, downMs = 15_000): void {
    this.stop()
    this.journal = this.journal.upTo(this.journal.revision - lost)
    this.behind = this.storeOver(this.journal)
    const { scheduler } = this.options
    this.backupReadyMs = scheduler.nowMs + downMs
    scheduler.after(downMs, 'api: comes up with a backup', () => this.start())
  }

  /** Ends all that is wrong with the server and its lines. */
  heal(): void {
    this.start()
    for (const link of this.links.values()) link.heal()
  }

  private storeOver(journal: SimJournal): LocalStore {
    const { windowSize = 100 } = this.options
    const { clock, random } = this
    return new LocalStore({ clock, random, windowSize }, journal)
  }

  private handlerOver(store: LocalStore): ApiHandler {
    const { log = silentLogger } = this.options
    return createApiHandler({ store, clock: this.clock, log })
  }

  private async receive(link: SimLink, exchange: Exchange): Promise<void> {
    if (exchange.closed) return
    if (!this.running) return exchange.breakOff('connect ECONNREFUSED')
    const { faults } = link
    const { refusal } = faults
    if (refusal !== undefined && refusal.afterWork !== true)
      return refuse(exchange, refusal.status, refusal.retryAfterSeconds)
    if (exchange.use === 'stream') return this.receiveWatch(link, exchange)
    const isList = exchange.request.op.startsWith('list ')
    const handler = isList && faults.lists === 'stale' ? this.replica(faults.staleBy) : this.handler
    const answer = await handler.handle(requestOf(exchange), noStream)
    link.onPoint?.('after-work', exchange.request)
    if (refusal !== undefined) return refuse(exchange, refusal.status, refusal.retryAfterSeconds)
    if (answer === undefined) return
    if (isList && faults.lists === 'fail') return breakInTheMiddle(exchange, answer)
    send(exchange, answer)
  }

  private async receiveWatch(link: SimLink, exchange: Exchange): Promise<void> {
    if (link.faults.watches === 'refused') return exchange.breakOff('connect ECONNREFUSED')
    if (link.faults.watches === 'expired') return refuse(exchange, 410)
    const stream = new SimWatchStream(exchange, link.faults, this.clock)
    link.watches.add(stream)
    stream.onClose(() => link.watches.delete(stream))
    const answer = await this.handler.handle(requestOf(exchange), stream)
    if (answer !== undefined) send(exchange, answer)
  }

  /** A server that has not heard of the last changes yet. */
  private replica(behind: number): ApiHandler {
    return this.handlerOver(this.storeOver(this.journal.upTo(this.journal.revision - behind)))
  }
}

/** For requests that ask for no watch. */
const noStream: WatchStream = {
  opened: false,
  open: () => undefined,
  write: () => Promise.resolve(),
  end: () => undefined,
  onClose: () => undefined,
}

function requestOf({ request }: Exchange): ApiRequest {
  const { method, path, body, contentType = 'application/json' } = request
  return {
    method,
    target: path,
    headers: { 'content-type': contentType },
    body: body === undefined ? '' : JSON.stringify(body),
  }
}

function send(exchange: Exchange, { status, headers, body }: ApiAnswer): void {
  const seconds = headers['retry-after']
  exchange.answerHead(status, seconds === undefined ? undefined : Number(seconds) * 1_000)
  exchange.answerPiece(body)
  exchange.answerEnd()
}

function breakInTheMiddle(exchange: Exchange, { status, body }: ApiAnswer): void {
  exchange.answerHead(status)
  exchange.answerPiece(body.slice(0, body.length / 2))
  exchange.breakOff('aborted')
}

function refuse(exchange: Exchange, code: number, retryAfterSeconds?: number): void {
  const message = 'the server does not want to, as the simulation asked for'
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code }
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }
  send(exchange, { status: code, headers, body: JSON.stringify(status) })
}
