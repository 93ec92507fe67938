import { Backoff, type Clock, errorText, type Logger, type Timer } from '../base/index.ts'

export interface UpkeepOptions {
  /** For the log: `annotations of Node worker-2`. */
  readonly name: string
  /** Looks at what is and what should be, and writes the difference, if any. */
  readonly step: () => Promise<void>
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
}

/**
 * Keeps one thing outside equal to what it should be: `poke` says that something changed, the step runs (one at a
 * time; pokes during a run cause one more), and a step that fails is tried again later.
 */
export class Upkeep {
  private readonly options: UpkeepOptions
  private readonly backoff: Backoff
  private running = false
  private poked = false
  private stopped = false
  private retry: Timer | undefined

  constructor(options: UpkeepOptions) {
    this.options = options
    this.backoff = new Backoff({ firstMs: 100, maxMs: 30_000, random: options.random })
  }

  poke(): void {
    this.poked = true
    if (!this.running && !this.stopped) void this.run()
  }

  stop(): void {
    this.stopped = true
    this.retry?.cancel()
  }

  private async run(): Promise<void> {
    this.running = true
    this.retry?.cancel()
    while (this.poked && !this.stopped) {
      this.poked = false
      try {
        await this.options.step()
        this.backoff.reset()
      } catch (error) {
        this.fail(error)
        break
      }
    }
    this.running = false
  }

  private fail(error: unknown): void {
    if (this.stopped) return
    const delayMs = this.backoff.nextMs()
    this.options.log.warn(`${this.options.name}: not written, tried again later`, {
      error: errorText(error),
      delayMs: Math.round(delayMs),
    })
    this.retry = this.options.clock.after(delayMs, () => this.poke())
  }
}
