import { Backoff, type Clock } from '../base/index.ts'
import type { Cause } from './history.ts'

export interface Resync {
  readonly why: string
  readonly cause: Cause
}

/** After so long without a resync the next one is made at once. */
const CALM_MS = 10_000

/**
 * Whether everything is to be observed again, and when. It costs the kernel a dump of everything, so a storm of
 * holes in the event story is answered at a slower and slower pace.
 */
export class ResyncDue {
  private readonly clock: Clock
  private readonly pace: Backoff
  private due: (Resync & { readonly notBeforeMs: number }) | undefined
  private lastMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, random: () => number) {
    this.clock = clock
    this.pace = new Backoff({ firstMs: 50, maxMs: CALM_MS, random })
  }

  /**
   * Asks for one: `at once`, `soon` (at once unless there was one lately), or `later` (something just failed).
   * Returns in how many milliseconds, or undefined if one was due already.
   */
  ask(resync: Resync, when: 'at once' | 'soon' | 'later'): number | undefined {
    const nowMs = this.clock.nowMs()
    if (this.due !== undefined && (when !== 'at once' || this.due.notBeforeMs <= nowMs)) return undefined
    const isCalm = nowMs - this.lastMs > CALM_MS
    if (isCalm) this.pace.reset()
    const delayMs = when === 'at once' || (when === 'soon' && isCalm) ? 0 : this.pace.nextMs()
    this.due = { ...resync, notBeforeMs: nowMs + delayMs }
    return delayMs
  }

  get isDue(): boolean {
    return this.due !== undefined
  }

  /** True if its time has come. */
  get isReady(): boolean {
    return this.due !== undefined && this.due.notBeforeMs <= this.clock.nowMs()
  }

  /** Whoever takes it makes it. */
  take(): Resync | undefined {
    const { due } = this
    this.due = undefined
    if (due !== undefined && due.cause !== 'start') this.lastMs = this.clock.nowMs()
    return due
  }
}
