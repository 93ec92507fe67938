import { type Clock, Mutex, type Timer } from '../base/index.ts'

export interface TurnsOptions {
  readonly clock: Clock
  /** What a scheduled turn does; it must not reject. */
  readonly work: () => Promise<void>
  /** True if something waits to be done that no turn has been scheduled for. */
  readonly isBusy: () => boolean
}

/**
 * When something is done: one task at a time, in the order they asked, and timers that end with `stop`. A long
 * task gives way by scheduling its rest as another turn, behind whoever waits by then.
 */
export class Turns {
  private readonly options: TurnsOptions
  private readonly mutex = new Mutex()
  private readonly timers = new Set<Timer>()
  private readonly waiters = new Set<() => void>()
  private scheduled: Timer | 'now' | undefined
  private running = 0
  /** Tasks that wait for their turn. */
  private waiting = 0
  private stopped = false

  constructor(options: TurnsOptions) {
    this.options = options
  }

  /** Runs the task when it is its turn. */
  take<T>(task: () => Promise<T>): Promise<T> {
    this.waiting += 1
    return this.queue(() => {
      this.waiting -= 1
      return task()
    })
  }

  /**
   * Sees to it that `work` runs: behind whoever waits then, or `soon`, when whoever is running now has returned.
   */
  schedule(when: 'now' | 'soon'): void {
    if (this.stopped || this.scheduled === 'now') return
    if (this.scheduled !== undefined) {
      if (when === 'soon') return
      this.cancel(this.scheduled)
    }
    if (when === 'now') this.startWork()
    else this.scheduled = this.after(0, () => this.startWork())
  }

  /** Calls `fn` after `delayMs`, unless stopped before. */
  after(delayMs: number, fn: () => void): Timer {
    const timer = this.options.clock.after(delayMs, () => {
      this.timers.delete(timer)
      if (!this.stopped) fn()
    })
    this.timers.add(timer)
    return timer
  }

  cancel(timer: Timer): void {
    timer.cancel()
    this.timers.delete(timer)
  }

  /** Resolves when nothing runs, is scheduled or waits to be. */
  settled(): Promise<void> {
    if (this.isIdle()) return Promise.resolve()
    return new Promise(resolve => this.waiters.add(resolve))
  }

  /** Starts nothing more; resolves when what is running or queued has ended. */
  async stop(): Promise<void> {
    this.stopped = true
    for (const timer of this.timers) timer.cancel()
    this.timers.clear()
    this.scheduled = undefined
    await this.mutex.run(() => undefined)
    this.wakeIfIdle()
  }

  /** Lets those go first that came meanwhile, once. */
  private startWork(mayWait = true): void {
    this.scheduled = 'now'
    void this.queue(async () => {
      if (this.stopped) return
      if (mayWait && this.waiting > 0) return this.startWork(false)
      this.scheduled = undefined
      await this.options.work()
    })
  }

  private async queue<T>(task: () => Promise<T>): Promise<T> {
    this.running += 1
    try {
      return await this.mutex.run(task)
    } finally {
      this.running -= 1
      this.wakeIfIdle()
    }
  }

  private isIdle(): boolean {
    if (this.running > 0) return false
    return this.stopped || (this.scheduled === undefined && !this.options.isBusy())
  }

  private wakeIfIdle(): void {
    if (!this.isIdle()) return
    for (const wake of this.waiters) wake()
    this.waiters.clear()
  }
}
