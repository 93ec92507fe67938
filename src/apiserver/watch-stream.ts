import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Clock, Logger } from '../base/index.ts'

/** Where the lines of a watch go. */
export interface WatchStream {
  /** Status 200 has been sent: a refusal can no longer be told by the status. */
  readonly opened: boolean
  /** Sends status 200. Doing it again, or after the client has gone, does nothing. */
  open(): void
  /** Sends one line and resolves when there is room for the next. After the client has gone it does nothing. */
  write(line: string): Promise<void>
  /** Ends the answer. */
  end(): void
  /** Calls `fn` once, when the client has gone. */
  onClose(fn: () => void): void
}

export interface HttpWatchStreamOptions {
  readonly clock: Clock
  readonly log: Logger
  /** A client that takes nothing for this long while data waits for it is cut off; ms. */
  readonly stallMs: number
}

/** A watch over HTTP: chunks of a response that does not end. */
export class HttpWatchStream implements WatchStream {
  private readonly out: ServerResponse
  private readonly options: HttpWatchStreamOptions

  constructor(out: ServerResponse, options: HttpWatchStreamOptions) {
    this.out = out
    this.options = options
  }

  get opened(): boolean {
    return this.out.headersSent
  }

  open(): void {
    if (this.out.headersSent || this.out.destroyed) return
    this.out.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' })
    this.out.flushHeaders()
  }

  async write(line: string): Promise<void> {
    if (!this.out.writable || this.out.write(`${line}\n`)) return
    await this.drained()
  }

  end(): void {
    this.out.end()
  }

  onClose(fn: () => void): void {
    this.out.once('close', fn)
  }

  /** Waits until the client has taken what was written; one that does not is disconnected, it will list again. */
  private async drained(): Promise<void> {
    const { clock, log, stallMs } = this.options
    const timer = clock.after(stallMs, () => {
      log.warn('cutting off a watcher that does not read', { stallMs })
      this.out.destroy()
    })
    const closed = new AbortController()
    const onClose = () => closed.abort()
    this.out.once('close', onClose)
    try {
      if (!this.out.destroyed && this.out.writableNeedDrain)
        await once(this.out, 'drain', { signal: closed.signal })
    } catch {
      // closed: whoever writes next sees it
    } finally {
      timer.cancel()
      this.out.removeListener('close', onClose)
    }
  }
}
