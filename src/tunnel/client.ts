import { type Clock, Mutex } from '../base/index.ts'
import { connectUnix, type StreamConnection } from '../sys/index.ts'
import { tunnelError } from './errors.ts'
import {
  decodeReply,
  encodeConfigure,
  encodeStatusRequest,
  encodeTable,
  type TunnelConfiguration,
  type TunnelReply,
  type TunnelStatus,
  type TunnelTable,
} from './messages.ts'

/** A process that answers no request for so long is stuck: its control thread carries no packets. */
const REPLY_TIMEOUT_MS = 5000

/**
 * One connection to the control socket of `podlace-udp`. When it ends, the process goes on carrying packets; connecting
 * again is the caller's. Requests are answered one after the other. Each may reject with `tunnel.refused` (nothing was
 * changed), `tunnel.closed`, `tunnel.timeout` or `tunnel.malformed`, of which the last two end the connection, and
 * `configure` with a SysError if the descriptors cannot be sent.
 */
export class TunnelClient implements Disposable {
  private readonly connection: StreamConnection
  private readonly clock: Clock
  private readonly turn = new Mutex()
  private waiting: PromiseWithResolvers<TunnelReply> | undefined
  private ended = false
  private closeListener: ((reason?: Error) => void) | undefined

  private constructor(connection: StreamConnection, clock: Clock) {
    this.connection = connection
    this.clock = clock
    connection.onFrame(payload => this.take(payload))
    connection.onClose(reason => this.end(reason))
  }

  /** @throws SysError `sys.enoent` or `sys.econnrefused` if no process listens at `path` */
  static connect(path: string, clock: Clock): TunnelClient {
    return new TunnelClient(connectUnix(path), clock)
  }

  /** Called once, when the connection ends; without a reason if it was closed on either side. */
  onClose(listener: (reason?: Error) => void): void {
    this.closeListener = listener
  }

  /** The descriptors are duplicated by the kernel: the caller's may be closed when this resolves. */
  async configure(configuration: TunnelConfiguration): Promise<void> {
    const fds = [
      ...configuration.queues.map(({ tunFd }) => tunFd),
      ...configuration.queues.map(({ udpFd }) => udpFd),
    ]
    await this.ask('configure the tunnel', 'done', encodeConfigure(configuration), fds)
  }

  async setTable(table: TunnelTable): Promise<void> {
    await this.ask('set the table of the tunnel', 'done', encodeTable(table))
  }

  async status(): Promise<TunnelStatus> {
    const { status } = await this.ask('read the status of the tunnel', 'status', encodeStatusRequest())
    return status
  }

  close(): void {
    this.connection.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  private ask<K extends TunnelReply['kind']>(
    op: string,
    kind: K,
    request: Uint8Array,
    fds: readonly number[] = [],
  ): Promise<TunnelReply & { readonly kind: K }> {
    return this.turn.run(async () => {
      const reply = await this.exchange(op, request, fds)
      if (isKind(reply, kind)) return reply
      if (reply.kind === 'refused')
        throw tunnelError(op, `${op}: the tunnel process refused: ${reply.message}`, {
          code: 'tunnel.refused',
        })
      this.close()
      throw tunnelError(op, `${op}: expected ${kind}, got ${reply.kind}`, { code: 'tunnel.malformed' })
    })
  }

  private async exchange(op: string, request: Uint8Array, fds: readonly number[]): Promise<TunnelReply> {
    if (this.ended) throw closed(op)
    const waiting = Promise.withResolvers<TunnelReply>()
    this.waiting = waiting
    const timer = this.clock.after(REPLY_TIMEOUT_MS, () => {
      const message = `${op}: no reply within ${REPLY_TIMEOUT_MS} ms`
      waiting.reject(tunnelError(op, message, { code: 'tunnel.timeout', timeoutMs: REPLY_TIMEOUT_MS }))
      this.close()
    })
    try {
      if (fds.length > 0) this.connection.sendWithFds(request, fds)
      else this.connection.send(request)
      return await waiting.promise
    } finally {
      timer.cancel()
      this.waiting = undefined
    }
  }

  private take(payload: Uint8Array): void {
    const waiting = this.waiting
    try {
      const reply = decodeReply(payload)
      if (waiting === undefined) return this.close()
      waiting.resolve(reply)
    } catch (error) {
      waiting?.reject(error)
      this.close()
    }
  }

  private end(reason: Error | undefined): void {
    this.ended = true
    this.waiting?.reject(closed('talk to the tunnel process', reason))
    this.closeListener?.(reason)
  }
}

function isKind<K extends TunnelReply['kind']>(
  reply: TunnelReply,
  kind: K,
): reply is TunnelReply & { readonly kind: K } {
  return reply.kind === kind
}

function closed(op: string, cause?: Error) {
  return tunnelError(
    op,
    `${op}: the connection to the tunnel process ended`,
    { code: 'tunnel.closed' },
    cause,
  )
}
