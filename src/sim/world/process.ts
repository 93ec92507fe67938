import type { Logger } from '../../base/index.ts'
import type { Scheduler, SimClock } from '../scheduler.ts'
import { simLogger } from './sim-logger.ts'

/** Thrown where a process ends in the middle of something. What the dead one still does reaches nothing. */
export class ProcessEnded extends Error {}

/**
 * One life of a program: it can be killed at any instruction that the outside can tell apart from the next. Whatever
 * it holds (kernel, disk, connections) is told of its end and lets nothing through any more.
 */
export class Process {
  readonly name: string
  readonly clock: SimClock
  readonly log: Logger
  readonly random: () => number
  readonly scheduler: Scheduler
  private readonly endings: (() => void)[] = []
  private stepsLeft: number | undefined
  /** Why it ended, in words; undefined while it lives. */
  ended: string | undefined

  constructor(scheduler: Scheduler, name: string) {
    this.scheduler = scheduler
    this.name = name
    this.clock = scheduler.clock(name)
    this.log = simLogger(scheduler, name)
    this.random = scheduler.stream(name)
  }

  get alive(): boolean {
    return this.ended === undefined
  }

  onEnd(fn: () => void): void {
    this.endings.push(fn)
  }

  /** It is going to end at the n-th step from now. */
  armCrash(steps: number): void {
    this.stepsLeft = steps
  }

  disarm(): void {
    this.stepsLeft = undefined
  }

  /** A step that may be its last. Throws `ProcessEnded` if it is, or was. */
  step(what: string): void {
    if (this.dies(what)) throw new ProcessEnded(`${this.name} is dead: ${what}`)
  }

  /** As `step`, for those who tell it in another way. */
  dies(what: string): boolean {
    if (!this.alive) return true
    if (this.stepsLeft === undefined) return false
    this.stepsLeft -= 1
    if (this.stepsLeft > 0) return false
    this.end(`killed at ${what}`)
    return true
  }

  end(why: string): void {
    if (!this.alive) return
    this.ended = why
    this.scheduler.note(`${this.name}: ends, ${why}`)
    this.clock.stop()
    for (const end of this.endings) end()
  }

  /** Waits in this process; never comes back if it ends meanwhile. */
  wait(delayMs: number, what: string): Promise<void> {
    return new Promise(resolve => this.clock.after(delayMs, resolve, what))
  }
}
