import type { KubernetesRequest, KubernetesResponse } from '../../store/index.ts'
import { Inbox } from './inbox.ts'
import { Lane, type LaneOptions } from './lane.ts'

export interface ExchangeOptions {
  readonly request: KubernetesRequest
  readonly use: 'call' | 'stream'
  readonly signal: AbortSignal
  readonly toServer: LaneOptions
  readonly toClient: LaneOptions
  /** The request arrives at the server. */
  readonly receive: (exchange: Exchange) => void
  /** Both sides have done with it. */
  readonly onOver: (exchange: Exchange) => void
}

/** One request and its answer, on a connection of their own: the client's end and the server's, and what is between. */
export class Exchange {
  readonly request: KubernetesRequest
  readonly use: 'call' | 'stream'
  private readonly options: ExchangeOptions
  private readonly toServer: Lane
  private readonly toClient: Lane
  private readonly head = Promise.withResolvers<KubernetesResponse>()
  private readonly inbox = new Inbox(() => this.leave())
  private readonly closeListeners = new Set<() => void>()
  private readonly onAbort = () => this.abort()
  private clientDone = false
  private serverDone = false

  constructor(options: ExchangeOptions) {
    this.options = options
    this.request = options.request
    this.use = options.use
    this.toServer = new Lane(options.toServer)
    this.toClient = new Lane(options.toClient)
  }

  /** The client's end: sends the request, resolves with the head of the answer. */
  start(): Promise<KubernetesResponse> {
    const { signal, receive } = this.options
    signal.addEventListener('abort', this.onAbort, { once: true })
    this.toServer.send(() => receive(this))
    if (signal.aborted) this.abort()
    return this.head.promise
  }

  /** The server's end: status and headers. */
  answerHead(status: number, retryAfterMs?: number): void {
    this.toClient.send(() => this.head.resolve({ status, retryAfterMs, body: this.inbox }))
  }

  answerPiece(piece: string, onArrival?: () => void): void {
    this.toClient.send(() => {
      this.inbox.push(piece)
      onArrival?.()
    })
  }

  answerEnd(): void {
    this.toClient.send(() => this.inbox.end())
    this.closeServerEnd()
  }

  /** The connection breaks at the server's end; what is under way arrives before that. */
  breakOff(why: string): void {
    this.toClient.send(() => this.fail(new Error(why)))
    this.closeServerEnd()
  }

  /** The server's end is closed: what the server still says reaches nobody. */
  get closed(): boolean {
    return this.serverDone
  }

  /** Pieces under way to the client. */
  get backlog(): number {
    return this.toClient.length
  }

  /** Calls `fn` when the server's end is closed, by whomever. */
  onClose(fn: () => void): void {
    if (this.serverDone) fn()
    else this.closeListeners.add(fn)
  }

  /** The client's process is gone: its kernel closes the connection. */
  leave(): void {
    if (this.clientDone) return
    this.clientDone = true
    this.options.signal.removeEventListener('abort', this.onAbort)
    if (this.serverDone) this.options.onOver(this)
    else this.toServer.send(() => this.closeServerEnd())
  }

  /** The line has changed. */
  nudge(): void {
    this.toServer.nudge()
    this.toClient.nudge()
  }

  private abort(): void {
    this.fail(new Error('the request was given up'))
  }

  private fail(why: Error): void {
    this.head.reject(why)
    // nobody may be waiting for the head any more
    this.head.promise.catch(() => undefined)
    this.inbox.fail(why)
    this.leave()
  }

  private closeServerEnd(): void {
    if (this.serverDone) return
    this.serverDone = true
    for (const listener of this.closeListeners) listener()
    this.closeListeners.clear()
    if (this.clientDone) this.options.onOver(this)
  }
}
