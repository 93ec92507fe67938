import { Backoff, type Clock, errorText, type Logger, Mutex, settle, type Timer } from '../base/index.ts'
import type { Change, Collection } from '../derive/index.ts'
import { ChildIndex } from './child-index.ts'
import { Contests } from './contests.ts'
import { diffKeys } from './diff.ts'
import { type Entry, entryKey } from './entry.ts'
import { contested, describe, refused } from './findings.ts'
import { type Cause, History, type HistoryItem } from './history.ts'
import { rulesOf } from './kinds/index.ts'
import { linkOfSysctl } from './kinds/sysctl.ts'
import { Mirror } from './mirror.ts'
import type { ApplyContext, Finding, Kernel, KernelEvent, Operation, Outcome } from './operation.ts'
import { isMarked } from './ownership.ts'
import type { World } from './planner.ts'

export interface ReconcilerOptions {
  readonly kernel: Kernel
  /** Keyed by `entryKey`. */
  readonly desired: Pick<Collection<Entry>, 'get' | 'entries' | 'subscribe'>
  readonly clock: Clock
  readonly log: Logger
  /** Time between two comparisons of everything; 60,000 by default. */
  readonly auditMs?: number
  /** Uniform in [0, 1), for the jitter of retries. */
  readonly random?: () => number
}

export interface ReconcilerCounters {
  /** Carried out by the kernel. */
  operations: number
  /** Those among them that undid what another program or the kernel itself had done. */
  repairs: number
  refused: number
  passes: number
  audits: number
  /** Observations of everything because the event story had a hole. */
  resyncs: number
  events: number
}

/** Entries between two breaths of the event loop. */
const BREATH = 1000

/**
 * Keeps one namespace as desired; the only writer of it.
 *
 * Level-triggered: changes of `desired` and events of the kernel only mark keys dirty; a pass compares what is wanted
 * of these keys with the mirror, whatever happened in between, and applies the difference. One pass at a time.
 * What fails is tried again, later and later.
 */
export class Reconciler {
  readonly counters: ReconcilerCounters = {
    operations: 0,
    repairs: 0,
    refused: 0,
    passes: 0,
    audits: 0,
    resyncs: 0,
    events: 0,
  }
  private readonly options: ReconcilerOptions
  private mirror = new Mirror()
  private readonly desiredChildren = new ChildIndex()
  private readonly world: World
  private readonly mutex = new Mutex()
  private readonly dirty = new Map<string, Cause>()
  /** Keys whose last operation failed or did not hold. */
  private readonly failing = new Set<string>()
  private readonly heldKeys = new Set<string>()
  private readonly findingsByKey = new Map<string, Finding>()
  private readonly recent = new History()
  private readonly contests = new Contests()
  private readonly backoff: Backoff
  private readonly waiters = new Set<() => void>()
  private readonly timers = new Set<Timer>()
  private readonly unsubscribe: (() => void)[] = []
  /** Keys that events touched since it was set; undefined when nobody asks. */
  private touchedInPass: Set<string> | undefined
  /** The same, one for each look at everything that is under way. */
  private readonly touchedMeanwhile = new Set<Set<string>>()
  private observeDue: { why: string; cause: Cause } | undefined
  /** The mirror is new: every key is to be looked at. */
  private everythingDue: Cause | undefined
  private passDue: Timer | 'now' | undefined
  private retryDue = false
  /** Why the mirror may be wrong. */
  private doubt: string | undefined
  private running = 0
  private held = false
  private stopped = false

  constructor(options: ReconcilerOptions) {
    this.options = options
    const { desired } = options
    this.world = {
      desired: key => desired.get(key),
      observed: key => this.mirror.get(key),
      desiredChildren: key => this.desiredChildren.of(key),
      observedChildren: key => this.mirror.childrenOf(key),
    }
    this.backoff = new Backoff({ firstMs: 50, maxMs: 30_000, random: options.random ?? (() => 0.5) })
  }

  /** Observes, converges once, then follows. Rejects if the namespace cannot be observed. */
  async start(): Promise<void> {
    const { kernel, desired } = this.options
    this.unsubscribe.push(kernel.watch(event => this.onEvent(event)))
    this.unsubscribe.push(desired.subscribe(changes => this.onChanges(changes)))
    for (const [key, entry] of desired.entries()) this.desiredChildren.add(key, entry)
    this.observeDue = { why: 'start', cause: 'start' }
    await this.exclusively(() => this.work())
    this.scheduleAudit()
  }

  /** Nothing that is merely no longer desired is deleted until `releaseDeletes`; `run` is not held. */
  holdDeletes(): void {
    this.held = true
  }

  releaseDeletes(): void {
    this.held = false
    for (const key of this.heldKeys) this.markDirty(key, 'desired')
    this.heldKeys.clear()
    if (this.dirty.size > 0) this.schedulePass('now')
  }

  /**
   * Converges just these keys, at once, with namespaces at hand and regardless of `holdDeletes`: what ADD and DEL call
   * right after they changed what is desired. The outcomes are those of all operations it took.
   */
  run(keys: Iterable<string>, context?: ApplyContext): Promise<readonly Outcome[]> {
    const causes = new Map<string, Cause>()
    for (const key of keys) causes.set(key, 'desired')
    return this.exclusively(async () => {
      try {
        if (this.observeDue !== undefined) await this.observe()
        for (const key of causes.keys()) this.dirty.delete(key)
        return await this.pass(causes, { context, ignoreHold: true })
      } catch (error) {
        this.startOver()
        throw error
      } finally {
        if (this.everythingDue !== undefined) this.schedulePass('now')
      }
    })
  }

  /** Compares everything, as it also does every `auditMs`. Resolves when that is done and repaired. */
  async audit(): Promise<void> {
    await this.look(
      task => this.exclusively(task),
      async () => {
        // A resync that is due will look at everything again anyway.
        if (this.stopped || this.observeDue !== undefined) return
        this.counters.audits += 1
        await this.passOverAll('audit')
      },
    )
    this.contests.prune(this.options.clock.nowMs())
  }

  /** What it would take to converge these keys, without doing it: what CHECK asks. */
  plan(keys: Iterable<string>): {
    readonly operations: readonly Operation[]
    readonly findings: readonly Finding[]
  } {
    return diffKeys(keys, this.world)
  }

  /** What the namespace holds, as far as is known; reading it costs the kernel nothing. */
  get observed(): Pick<Mirror, 'get' | 'childrenOf' | 'entries'> {
    return this.mirror
  }

  get findings(): readonly Finding[] {
    return [...this.findingsByKey.values()]
  }

  /** The last 200 operations, oldest first. */
  history(): readonly HistoryItem[] {
    return this.recent.list()
  }

  /** Resolves when no pass is running or due. What failed and waits for its next try is not due. */
  settled(): Promise<void> {
    if (this.isIdle()) return Promise.resolve()
    return new Promise(resolve => this.waiters.add(resolve))
  }

  /** Stops following; resolves when the pass that is running has ended. The kernel stays open. */
  async stop(): Promise<void> {
    this.stopped = true
    for (const end of this.unsubscribe) end()
    for (const timer of this.timers) timer.cancel()
    this.passDue = undefined
    this.dirty.clear()
    await this.mutex.run(() => undefined)
    this.wakeIfIdle()
  }

  private onChanges(changes: readonly Change<Entry>[]): void {
    for (const { key, before, after } of changes) {
      if (before !== undefined) this.desiredChildren.delete(key, before)
      if (after !== undefined) this.desiredChildren.add(key, after)
      this.markDirty(key, 'desired')
    }
    // Not at once: whoever changed it may be about to call `run`, with the namespaces that it takes.
    this.schedulePass('soon')
  }

  private onEvent(event: KernelEvent): void {
    this.counters.events += 1
    if (event.event === 'resync') {
      this.observeDue = { why: event.why, cause: 'drift' }
      return this.schedulePass('now')
    }
    for (const key of this.fold(event)) {
      for (const touched of this.touchedMeanwhile) touched.add(key)
      if (this.touchedInPass !== undefined) this.touchedInPass.add(key)
      else if (!this.isConverged(key) || this.findingsByKey.has(key)) this.markDirty(key, 'drift')
    }
    if (this.touchedInPass === undefined && this.dirty.size > 0) this.schedulePass('now')
  }

  /** The keys to look at; a link that appears is what its desired children waited for. */
  private *fold(event: KernelEvent): Iterable<string> {
    const appeared =
      event.event === 'set' && event.observed.entry.kind === 'link'
        ? entryKey(event.observed.entry)
        : undefined
    const isNew = appeared !== undefined && this.mirror.get(appeared) === undefined
    yield* this.mirror.fold(event)
    if (isNew) yield* this.desiredChildren.of(appeared)
  }

  /** A quick look, without what hangs together; when in doubt, false. */
  private isConverged(key: string): boolean {
    const desired = this.world.desired(key)
    const observed = this.mirror.get(key)
    if (desired !== undefined) {
      if (observed === undefined || !rulesOf(desired).equals(desired, observed)) return false
      return observed.mark === 'ours' || !isMarked(desired)
    }
    if (observed === undefined) return true
    const { kind } = observed.entry
    return observed.mark === 'foreign' && kind !== 'address' && kind !== 'fdb'
  }

  private markDirty(key: string, cause: Cause): void {
    if (this.dirty.get(key) !== 'desired') this.dirty.set(key, cause)
  }

  private schedulePass(when: 'now' | 'soon'): void {
    if (this.stopped || this.passDue === 'now' || (this.passDue !== undefined && when === 'soon')) return
    if (this.passDue !== undefined) this.cancel(this.passDue)
    const start = () => {
      void this.exclusively(() => this.work())
    }
    this.passDue = when === 'now' ? 'now' : this.after(0, start)
    if (when === 'now') start()
  }

  /** One task at a time, and whoever waits for rest is told when it comes. */
  private async exclusively<T>(task: () => Promise<T>): Promise<T> {
    this.running += 1
    try {
      return await this.mutex.run(task)
    } finally {
      this.running -= 1
      this.wakeIfIdle()
    }
  }

  /** Whatever is due. Never rejects but at the start: what fails is logged and tried again. */
  private async work(): Promise<void> {
    this.passDue = undefined
    if (this.stopped) return
    const isStart = this.observeDue?.cause === 'start'
    try {
      if (this.observeDue !== undefined) await this.observe()
      if (this.everythingDue !== undefined) return await this.passOverAll(this.everythingDue)
      if (this.dirty.size === 0) return
      const causes = new Map(this.dirty)
      this.dirty.clear()
      await this.pass(causes, { ignoreHold: false })
    } catch (error) {
      if (isStart) throw error
      this.options.log.error('a pass failed; everything is observed again', { error: errorText(error) })
      this.startOver()
    }
  }

  private startOver(): void {
    this.observeDue ??= { why: 'a pass failed', cause: 'retry' }
    this.scheduleRetry()
  }

  private async observe(): Promise<void> {
    const due = this.observeDue
    // Cleared first: an overflow during the dump asks for another.
    this.observeDue = undefined
    if (due !== undefined && due.cause !== 'start') {
      this.counters.resyncs += 1
      this.options.log.warn('observing everything again', { why: due.why })
    }
    try {
      await this.look(
        task => task(),
        async () => undefined,
      )
      this.everythingDue = due?.cause ?? 'retry'
    } catch (error) {
      this.observeDue ??= due
      throw error
    }
  }

  /**
   * Reads everything into a new mirror. Passes and events go on meanwhile: what events tell since the dump began is
   * newer than the dump. The mirror changes, and `then` runs, inside `guard`.
   */
  private async look(
    guard: (task: () => Promise<void>) => Promise<void>,
    then: () => Promise<void>,
  ): Promise<void> {
    const touched = new Set<string>()
    this.touchedMeanwhile.add(touched)
    try {
      const next = await Mirror.of(await this.options.kernel.observe(this.desiredEntries()))
      await guard(async () => {
        for (const key of touched) {
          const known = this.mirror.get(key)
          next.fold(known === undefined ? { event: 'gone', key } : { event: 'set', observed: known })
        }
        this.mirror = next
        this.touchedMeanwhile.delete(touched)
        await then()
      })
    } finally {
      this.touchedMeanwhile.delete(touched)
    }
  }

  private *desiredEntries(): Iterable<Entry> {
    for (const [, entry] of this.options.desired.entries()) yield entry
  }

  /** Plans only for what does not hold, which at rest is nothing; the rest is merely looked at. */
  private async passOverAll(cause: Cause): Promise<void> {
    this.everythingDue = undefined
    const causes = new Map<string, Cause>(this.dirty)
    this.dirty.clear()
    let looked = 0
    for (const key of this.allKeys()) {
      if (!this.isConverged(key) && !causes.has(key)) causes.set(key, cause)
      looked += 1
      if (looked % BREATH === 0) await settle()
    }
    for (const key of this.findingsByKey.keys()) if (!causes.has(key)) this.findingsByKey.delete(key)
    await this.pass(causes, { ignoreHold: false })
  }

  private *allKeys(): Iterable<string> {
    for (const [key] of this.options.desired.entries()) yield key
    for (const key of this.mirror.keys()) if (this.world.desired(key) === undefined) yield key
  }

  private async pass(
    causes: ReadonlyMap<string, Cause>,
    { context, ignoreHold }: { context?: ApplyContext | undefined; ignoreHold: boolean },
  ): Promise<readonly Outcome[]> {
    this.counters.passes += 1
    this.readUnknownSysctls(causes.keys())
    const plan = diffKeys(causes.keys(), this.world)
    for (const key of causes.keys()) {
      this.findingsByKey.delete(key)
      this.failing.delete(key)
    }
    for (const finding of plan.findings) this.findingsByKey.set(finding.key, finding)
    const operations = ignoreHold
      ? plan.operations
      : plan.operations.filter(operation => !this.hold(operation))
    if (operations.length === 0) return []
    const touched = new Set<string>()
    this.touchedInPass = touched
    let outcomes: readonly Outcome[]
    try {
      outcomes = await this.options.kernel.apply(operations, context)
    } finally {
      this.touchedInPass = undefined
    }
    this.record(outcomes, causes)
    this.lookAgain(touched, operations)
    return outcomes
  }

  /** Sysctls cannot be dumped: one that was not desired when everything was observed is looked at when it is. */
  private readUnknownSysctls(keys: Iterable<string>): void {
    for (const key of keys) {
      const desired = this.world.desired(key)
      if (desired?.kind !== 'sysctl' || this.mirror.get(key) !== undefined) continue
      const link = linkOfSysctl(desired.path)
      if (link !== undefined && this.mirror.get(`link ${link}`) === undefined) continue
      const observed = this.options.kernel.readSysctl(desired)
      if (observed !== undefined) this.mirror.fold({ event: 'set', observed })
    }
  }

  private hold(operation: Operation): boolean {
    if (!this.held || operation.op !== 'delete' || operation.why !== 'stale') return false
    this.heldKeys.add(entryKey(operation.entry))
    return true
  }

  private record(outcomes: readonly Outcome[], causes: ReadonlyMap<string, Cause>): void {
    const { clock, log } = this.options
    const otherwise = [...causes.values()].every(cause => cause === 'drift') ? 'drift' : 'desired'
    for (const outcome of outcomes) {
      const key = entryKey(outcome.operation.entry)
      const cause = causes.get(key) ?? otherwise
      this.recent.record(outcome, cause, clock.wallMs())
      if (outcome.error !== undefined) this.fail(key, outcome)
      else this.succeed(key, outcome.operation, cause)
    }
    log.debug('pass', { operations: outcomes.length })
  }

  private succeed(key: string, operation: Operation, cause: Cause): void {
    this.counters.operations += 1
    if (cause !== 'drift' && cause !== 'audit') return
    this.counters.repairs += 1
    this.options.log.info('repaired', { op: operation.op, entry: describe(operation.entry), cause })
    if (!this.contests.record(key, this.options.clock.nowMs())) return
    this.findingsByKey.set(key, contested(key, operation.entry))
    this.failing.add(key)
  }

  private fail(key: string, { operation, error }: Outcome): void {
    if (error === undefined) return
    this.counters.refused += 1
    this.options.log.warn('refused', { op: operation.op, key, error: errorText(error) })
    this.findingsByKey.set(key, refused(key, error))
    // Somebody must come with the namespace; until then there is nothing to try.
    if (error.code === 'kernel.namespace-needed') return
    this.failing.add(key)
    // The mirror may be what is wrong: look before the next try.
    if (error.code === 'kernel.exists' || error.code === 'kernel.not-found') this.doubt ??= error.message
  }

  /** After an apply: its own traces are converged; what is not was changed by somebody, or did not hold. */
  private lookAgain(touched: ReadonlySet<string>, operations: readonly Operation[]): void {
    const own = new Set(operations.map(({ entry }) => entryKey(entry)))
    for (const key of touched) {
      if (this.isConverged(key) && (own.has(key) || !this.findingsByKey.has(key))) continue
      if (!own.has(key)) this.markDirty(key, 'drift')
      else if (!this.heldKeys.has(key)) this.failing.add(key)
    }
    if (this.failing.size === 0) this.backoff.reset()
    else this.scheduleRetry()
    if (this.dirty.size > 0) this.schedulePass('now')
  }

  private scheduleRetry(): void {
    if (this.retryDue || this.stopped) return
    this.retryDue = true
    this.after(this.backoff.nextMs(), () => {
      this.retryDue = false
      if (this.doubt !== undefined) this.observeDue ??= { why: this.doubt, cause: 'retry' }
      this.doubt = undefined
      for (const key of this.failing) this.markDirty(key, 'retry')
      this.failing.clear()
      this.schedulePass('now')
    })
  }

  private scheduleAudit(): void {
    if (this.stopped) return
    this.after(this.options.auditMs ?? 60_000, () => {
      this.audit()
        .catch(error => this.options.log.error('audit failed', { error: errorText(error) }))
        .then(() => this.scheduleAudit())
    })
  }

  private after(delayMs: number, fn: () => void): Timer {
    const timer = this.options.clock.after(delayMs, () => {
      this.timers.delete(timer)
      fn()
    })
    this.timers.add(timer)
    return timer
  }

  private cancel(timer: Timer): void {
    timer.cancel()
    this.timers.delete(timer)
  }

  private isIdle(): boolean {
    return this.running === 0 && this.passDue === undefined && this.dirty.size === 0
  }

  private wakeIfIdle(): void {
    if (!this.isIdle()) return
    for (const wake of this.waiters) wake()
    this.waiters.clear()
  }
}
