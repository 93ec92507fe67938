import type { Timer } from '../base/index.ts'
import { EventQueue, type PlannedEvent } from './event-queue.ts'
import { seededRandom } from './random.ts'
import { SimClock } from './sim-clock.ts'
import { Trace } from './trace.ts'

export { SimClock } from './sim-clock.ts'

export interface RunLimits {
  /** Virtual time at which it ends; later events stay in the queue. */
  readonly untilMs?: number
  /** Asked after every event; true ends the run. What it throws, `run` rejects with. */
  readonly until?: () => boolean
  /** More than this is a livelock: `run` rejects. */
  readonly maxEvents: number
}

/**
 * One queue of events in virtual time: what comes next is decided by deadline, then by the seed.
 *
 * Between two events all promises drain. Whoever runs under it must wait for nothing but promises, `setImmediate`
 * (first in, first out) and its own timers; then one seed gives one run.
 */
export class Scheduler {
  readonly trace = new Trace()
  /** Carried out so far. */
  events = 0
  nowMs = 0
  private readonly queue = new EventQueue()
  private readonly seed: number
  private readonly chances: () => number
  private readonly ties: () => number
  private planned = 0

  constructor({ seed }: { readonly seed: number }) {
    this.seed = seed
    this.chances = this.stream('scheduler')
    this.ties = this.stream('ties')
  }

  /** Uniform in [0, 1), the seed's. */
  random(): number {
    return this.chances()
  }

  chance(p: number): boolean {
    return this.random() < p
  }

  /** A sequence of its own, so that one actor that is left out does not change the luck of the others. */
  stream(name: string): () => number {
    return seededRandom(this.seed, name)
  }

  /** Runs `fn` at a time; `what` goes into the trace. Ties are broken by the seed. */
  after(delayMs: number, what: string, fn: () => void): Timer {
    const event: PlannedEvent = {
      deadlineMs: this.nowMs + Math.max(0, delayMs),
      tie: this.ties(),
      order: this.planned++,
      what,
      fn,
    }
    this.queue.push(event)
    return { cancel: () => (event.fn = undefined) }
  }

  /** Puts a line into the trace: something happened that is no event of its own. */
  note(what: string): void {
    this.trace.note(this.nowMs, what)
  }

  /** The clock of a process that starts now. */
  clock(owner: string): SimClock {
    return new SimClock(this, owner)
  }

  /** Carries out events until one of the limits. Rejects with what an event throws. */
  run(limits: RunLimits): Promise<void> {
    const lastEvent = this.events + limits.maxEvents
    return new Promise((resolve, reject) => {
      const step = () => {
        try {
          if (this.isOver(limits)) return resolve()
          if (this.events === lastEvent) throw new Error(`still busy after ${limits.maxEvents} events`)
          this.carryOutNext()
          // Promises drain before the next immediate, however long their chains are; the second is for `settle`.
          setImmediate(setImmediate, step)
        } catch (error) {
          reject(error)
        }
      }
      setImmediate(setImmediate, step)
    })
  }

  private isOver({ until, untilMs = Number.POSITIVE_INFINITY }: RunLimits): boolean {
    if (until?.() === true) return true
    const next = this.queue.peek()
    if (next !== undefined && next.deadlineMs <= untilMs) return false
    if (Number.isFinite(untilMs)) this.nowMs = Math.max(this.nowMs, untilMs)
    return true
  }

  private carryOutNext(): void {
    const event = this.queue.pop()
    if (event?.fn === undefined) return
    const { fn } = event
    event.fn = undefined
    this.nowMs = event.deadlineMs
    this.events += 1
    this.trace.note(this.nowMs, event.what)
    fn()
  }
}
