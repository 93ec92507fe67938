import type { Clock, Timer } from '../base/index.ts'

/** Ends a request when its caller wants that, or when it has taken too long. */
export class Deadline {
  private readonly clock: Clock
  private readonly outer: AbortSignal | undefined
  private readonly controller = new AbortController()
  private readonly onAbort = () => this.controller.abort()
  private timer: Timer | undefined
  private late: Error | undefined

  constructor(clock: Clock, outer: AbortSignal | undefined) {
    this.clock = clock
    this.outer = outer
    if (outer?.aborted === true) this.controller.abort()
    outer?.addEventListener('abort', this.onAbort, { once: true })
  }

  get signal(): AbortSignal {
    return this.controller.signal
  }

  /** The error with the limit's message, once a limit was passed. */
  get passed(): Error | undefined {
    return this.late
  }

  /** Aborts after `delayMs`, in place of any earlier limit. */
  limit(delayMs: number, message: string): void {
    this.unlimit()
    this.timer = this.clock.after(delayMs, () => {
      this.late = new Error(message)
      this.controller.abort()
    })
  }

  unlimit(): void {
    this.timer?.cancel()
  }

  /** Aborts whatever is still under way, and lets go of clock and caller. */
  end(): void {
    this.unlimit()
    this.outer?.removeEventListener('abort', this.onAbort)
    // with a reason given none is made up: that would be an error with a stack trace, for every request
    this.controller.abort('over')
  }
}
