import { settle } from '../base/index.ts'
import { Backlog, type Step, type Steps, stepsOf } from './backlog.ts'
import type { Comparison } from './comparison.ts'
import { DirtyKeys } from './dirty-keys.ts'
import { type Entry, entryKey } from './entry.ts'
import { HeldDeletes } from './held-deletes.ts'
import type { Cause } from './history.ts'
import { rulesOf } from './kinds/index.ts'
import { type ApplyContext, eviction, type Kernel, type Outcome } from './operation.ts'
import type { Outcomes } from './outcomes.ts'

export interface PassesOptions {
  readonly kernel: Kernel
  readonly comparison: Comparison
  readonly outcomes: Outcomes
}

/** Keys of a long plan that are carried out in one turn: some tens of milliseconds, which an ADD may have to wait. */
const SLICE = 400

/**
 * From keys to outcomes: a pass plans for some keys, applies the plan, and marks what is to be looked at again. One
 * at a time.
 */
export class Passes {
  readonly dirty = new DirtyKeys()
  readonly backlog = new Backlog()
  readonly held = new HeldDeletes()
  private readonly options: PassesOptions
  /** Keys that events touched since the kernel was asked to apply something; undefined when it is not. */
  private touched: Set<string> | undefined
  /** Keys of which nothing had to be done, and whose settings another program may have changed all the same. */
  private readonly doubted = new Set<string>()

  constructor(options: PassesOptions) {
    this.options = options
  }

  /** True if there is something to do that no `run` has reserved. */
  get isDue(): boolean {
    return this.dirty.size > 0 || this.backlog.size > 0
  }

  /**
   * Converges these keys, whatever else is due and whether deletions are held. Whoever is told of the outcomes early need
   * not wait for a look at settings that are as they should be unless another program has changed them: they are left to
   * `lookAtDoubted`.
   */
  async atOnce(keys: ReadonlyMap<string, Cause>, context?: ApplyContext): Promise<readonly Outcome[]> {
    const { comparison, outcomes, kernel } = this.options
    const isAwaited = context?.onOutcomes !== undefined
    if (isAwaited) comparison.readUnknownSettings(keys.keys(), kernel)
    else comparison.readSettings(keys.keys(), kernel)
    outcomes.counters.passes += 1
    for (const key of keys.keys()) this.backlog.delete(key)
    const { operations, findings } = comparison.plan(keys.keys())
    const steps = stepsOf(operations, keys)
    // What a plan brings along (the ports of a bridge) may be for somebody else to do, who waits for his turn.
    for (const key of steps.keys()) if (!keys.has(key) && this.dirty.isReserved(key)) steps.delete(key)
    if (isAwaited) for (const key of keys.keys()) if (!steps.has(key)) this.doubted.add(key)
    outcomes.planned(keys.keys(), findings, steps)
    return this.apply(steps, context)
  }

  /** True if `lookAtDoubted` has something to look at. */
  get hasDoubted(): boolean {
    return this.doubted.size > 0
  }

  /** Reads the settings that `atOnce` has left; marks what others have changed. */
  lookAtDoubted(): void {
    const { comparison, kernel } = this.options
    const keys = [...this.doubted]
    this.doubted.clear()
    for (const key of comparison.readSettings(keys, kernel)) this.touch(key)
  }

  /** Deletes what is not ours, because somebody who may says so. */
  evict(entries: readonly Entry[]): Promise<readonly Outcome[]> {
    return this.apply(
      stepsOf(entries.map(eviction), new Map(entries.map(entry => [entryKey(entry), 'desired']))),
    )
  }

  /** One turn of whatever is due: what is dirty, if that takes little; else the next part of the backlog. */
  next(): Promise<void> {
    return this.converge(this.dirty.takeAll())
  }

  /** Looks at everything, and plans only for what does not hold, which at rest is nothing. */
  async all(cause: Cause): Promise<void> {
    const { comparison, outcomes } = this.options
    this.backlog.clear()
    const keys = this.dirty.takeAll()
    await comparison.eachUnconverged(key => {
      if (!keys.has(key)) keys.set(key, cause)
    })
    for (const key of outcomes.findings.keys()) if (!keys.has(key)) outcomes.findings.delete(key)
    await this.converge(keys)
  }

  /** An event touched the key, or a look at a setting. */
  touch(key: string): void {
    if (this.touched !== undefined) this.touched.add(key)
    else if (this.mayBeOff(key)) this.markDrift(key)
  }

  private mayBeOff(key: string): boolean {
    const { comparison, outcomes } = this.options
    return !comparison.isConverged(key) || outcomes.findings.has(key)
  }

  /** What the backlog holds is looked at when its turn comes; what is fought over, when it is tried again. */
  private markDrift(key: string): void {
    if (!this.backlog.has(key) && !this.options.outcomes.isContested(key)) this.dirty.mark(key, 'drift')
  }

  private async converge(keys: ReadonlyMap<string, Cause>): Promise<void> {
    this.options.outcomes.counters.passes += 1
    const steps = keys.size === 0 ? new Map<string, Step>() : await this.planFor(keys)
    if (steps.size > 0 && steps.size <= SLICE) {
      for (const key of steps.keys()) this.backlog.delete(key)
      await this.apply(steps)
      return
    }
    // A plan that is taken off at once is as good as when it was made.
    const isFresh = this.backlog.size === 0
    this.backlog.append(steps)
    await this.apply(this.backlog.take(SLICE, (key, step) => isFresh || this.isStillDue(key, step)))
  }

  /** Takes its time; what changed while the plan was made is left out and has its turn later. */
  private async planFor(keys: ReadonlyMap<string, Cause>): Promise<Steps> {
    const { comparison, outcomes, kernel } = this.options
    comparison.readUnknownSettings(keys.keys(), kernel)
    const { operations, findings } = await comparison.planUnhurried(keys.keys())
    const isLong = operations.length > SLICE
    if (isLong) await settle()
    const steps = stepsOf(operations, keys)
    if (isLong) await settle()
    outcomes.planned(keys.keys(), findings, steps)
    for (const [key, { operations }] of steps) {
      if (this.dirty.has(key) || operations.some(operation => this.held.holds(operation))) steps.delete(key)
    }
    if (isLong) await settle()
    return steps
  }

  /** False for what was planned before something else happened to the key; that is looked at again. */
  private isStillDue(key: string, { operations: [first], cause }: Step): boolean {
    if (first === undefined || this.held.holds(first)) return false
    const { comparison } = this.options
    const parents = rulesOf(first.entry).parents(first.entry)
    const lost = parents.find(parent => isLink(parent.key) && comparison.observed(parent.key) === undefined)
    const expected = first.op === 'create' ? undefined : first.before
    if (lost === undefined && comparison.observed(key)?.entry === expected) return true
    // A link that is wanted but could not be had will bring its children along.
    if (lost === undefined || comparison.desired(lost.key) === undefined) this.dirty.mark(key, cause)
    return false
  }

  private async apply(steps: Steps, context?: ApplyContext): Promise<readonly Outcome[]> {
    if (steps.size === 0) return []
    const { kernel, outcomes, comparison } = this.options
    const touched = new Set<string>()
    this.touched = touched
    let results: readonly Outcome[]
    try {
      results = await kernel.apply(
        [...steps.values()].flatMap(({ operations }) => operations),
        context,
      )
    } finally {
      this.touched = undefined
    }
    // What was touched and is not as it should be was changed by somebody, or did not hold.
    outcomes.record(results, steps, key => touched.has(key) && !comparison.isConverged(key))
    for (const key of touched) if (!steps.has(key) && this.mayBeOff(key)) this.markDrift(key)
    return results
  }
}

function isLink(key: string): boolean {
  return key.startsWith('link ')
}
