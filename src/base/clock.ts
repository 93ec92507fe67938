/** A timer that was started; cancelling one that fired or was cancelled does nothing. */
export interface Timer {
  cancel(): void
}

/**
 * Time, as the rest of the program may see it. Everything that waits or measures gets a clock; nothing calls
 * `Date.now` or `setTimeout` itself, so that a simulation can own time.
 */
export interface Clock {
  /**
   * Monotonic, in milliseconds, from a start that all processes of the machine's present life share: for deadlines and
   * durations, also such as outlive a process.
   */
  nowMs(): number
  /** Wall time in milliseconds since 1970: for display, certificates and the times of files only. */
  wallMs(): number
  /** Calls `fn` once, after at least `delayMs`. A pending timer does not keep the process alive. */
  after(delayMs: number, fn: () => void): Timer
}

/** CLOCK_MONOTONIC when `performance.now()` was 0: the one counts from the machine's start, the other from ours. */
const processStartMs = Number(process.hrtime.bigint()) / 1e6 - performance.now()

export const systemClock: Clock = {
  nowMs: () => processStartMs + performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, fn) {
    const handle = setTimeout(fn, delayMs)
    handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
}

/** Resolves after `delayMs`, or at once when `signal` aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal?.aborted) return resolve()
    const onAbort = () => {
      timer.cancel()
      resolve()
    }
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** A clock that stands still until a test moves it. Timers fire in order of their deadline, then of their start. */
export class ManualClock implements Clock {
  private nowValue = 0
  private started = 0
  private readonly pending = new Set<{ deadline: number; order: number; fn: () => void }>()

  nowMs(): number {
    return this.nowValue
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.nowValue
  }

  after(delayMs: number, fn: () => void): Timer {
    const timer = { deadline: this.nowValue + Math.max(0, delayMs), order: this.started++, fn }
    this.pending.add(timer)
    return { cancel: () => this.pending.delete(timer) }
  }

  /** Moves time forward and fires what falls due, letting promises settle between two timers. */
  async advance(byMs: number): Promise<void> {
    const end = this.nowValue + byMs
    for (;;) {
      const due = [...this.pending]
        .filter(timer => timer.deadline <= end)
        .sort((a, b) => a.deadline - b.deadline || a.order - b.order)[0]
      if (due === undefined) break
      this.pending.delete(due)
      this.nowValue = due.deadline
      due.fn()
      await settle()
    }
    this.nowValue = end
    await settle()
  }
}

/** Lets everything that is already resolved run. */
export function settle(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
