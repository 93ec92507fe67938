import type { Clock, Timer } from '../base/index.ts'

export interface RetriesOptions {
  readonly clock: Clock
  /** Uniform in [0, 1), for the jitter. */
  readonly random: () => number
  /** Called with the keys whose time has come, to be tried again. */
  readonly onDue: (keys: readonly string[]) => void
}

/** The first delay, which doubles from try to try, and the longest; milliseconds. */
const FIRST_MS = 50
const LONGEST_MS = 30_000

interface Waiting {
  attempts: number
  /** Undefined while the next try is under way. */
  dueMs: number | undefined
}

/**
 * When what failed is tried again: each key later and later by itself, so that one that can never succeed does not
 * make others wait. Keys that fail together are tried together.
 */
export class Retries {
  private readonly options: RetriesOptions
  private readonly keys = new Map<string, Waiting>()
  private timer: { readonly dueMs: number; readonly timer: Timer } | undefined

  constructor(options: RetriesOptions) {
    this.options = options
  }

  /** These keys failed just now. */
  fail(keys: Iterable<string>): void {
    const nowMs = this.options.clock.nowMs()
    const jitter = (1 + this.options.random()) / 2
    for (const key of keys) {
      const attempts = this.attempts(key)
      const dueMs = nowMs + jitter * Math.min(LONGEST_MS, FIRST_MS * 2 ** attempts)
      this.keys.set(key, { attempts: attempts + 1, dueMs })
    }
    this.arm()
  }

  /** The key succeeded, or nobody wants anything of it any more. */
  forget(key: string): void {
    this.keys.delete(key)
  }

  /** How often the key has failed in a row. */
  attempts(key: string): number {
    return this.keys.get(key)?.attempts ?? 0
  }

  stop(): void {
    this.timer?.timer.cancel()
    this.timer = undefined
    this.keys.clear()
  }

  private arm(): void {
    let dueMs = Number.POSITIVE_INFINITY
    for (const waiting of this.keys.values()) dueMs = Math.min(dueMs, waiting.dueMs ?? dueMs)
    if (this.timer?.dueMs === dueMs) return
    this.timer?.timer.cancel()
    this.timer = undefined
    if (dueMs === Number.POSITIVE_INFINITY) return
    const { clock } = this.options
    this.timer = { dueMs, timer: clock.after(dueMs - clock.nowMs(), () => this.ring(dueMs)) }
  }

  private ring(dueMs: number): void {
    this.timer = undefined
    const due: string[] = []
    for (const [key, waiting] of this.keys) {
      if (waiting.dueMs === undefined || waiting.dueMs > dueMs) continue
      waiting.dueMs = undefined
      due.push(key)
    }
    this.arm()
    if (due.length > 0) this.options.onDue(due)
  }
}
