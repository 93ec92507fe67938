import type { Clock, Timer } from '../base/index.ts'

/** When the virtual machine starts, in wall time; any date would do. */
const EPOCH_MS = 1_700_000_000_000

/** What a clock needs of the scheduler. */
export interface TimeSource {
  readonly nowMs: number
  after(delayMs: number, what: string, fn: () => void): Timer
}

/**
 * The clock of one process. It can be paused (SIGSTOP): monotonic time goes on, its timers wait and fire when it
 * resumes, in the order they fell due. It can be stopped: then nothing that it was asked for happens any more.
 */
export class SimClock implements Clock {
  private readonly time: TimeSource
  private readonly owner: string
  private wallOffsetMs = 0
  private state: 'running' | 'paused' | 'stopped' = 'running'
  private readonly waiting = new Set<() => void>()

  constructor(time: TimeSource, owner: string) {
    this.time = time
    this.owner = owner
  }

  nowMs(): number {
    return this.time.nowMs
  }

  wallMs(): number {
    return EPOCH_MS + this.time.nowMs + this.wallOffsetMs
  }

  get paused(): boolean {
    return this.state === 'paused'
  }

  /** False once the process has ended. */
  get alive(): boolean {
    return this.state !== 'stopped'
  }

  /** Calls `fn` in this process after `delayMs`; `what` is told in the trace. */
  after(delayMs: number, fn: () => void, what = 'timer'): Timer {
    let cancelled = false
    const fire = () => {
      if (cancelled || this.state === 'stopped') return
      if (this.state === 'paused') this.waiting.add(fire)
      else fn()
    }
    const timer = this.time.after(delayMs, `${this.owner}: ${what}`, fire)
    return {
      cancel: () => {
        cancelled = true
        this.waiting.delete(fire)
        timer.cancel()
      },
    }
  }

  /** The wall clock is set; the monotonic one does not notice. */
  jumpWall(byMs: number): void {
    this.wallOffsetMs += byMs
  }

  pause(): void {
    if (this.state === 'running') this.state = 'paused'
  }

  resume(): void {
    if (this.state !== 'paused') return
    this.state = 'running'
    for (const fire of this.waiting) this.time.after(0, `${this.owner}: resumes`, fire)
    this.waiting.clear()
  }

  /** The process has ended. */
  stop(): void {
    this.state = 'stopped'
    this.waiting.clear()
  }
}
