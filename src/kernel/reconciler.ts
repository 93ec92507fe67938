import { type Clock, errorText, type Logger } from '../base/index.ts'
import type { Change } from '../derive/index.ts'
import { Comparison, type DesiredEntries } from './comparison.ts'
import type { Entry } from './entry.ts'
import type { Cause, HistoryItem } from './history.ts'
import { JointRuns } from './joint-runs.ts'
import { rulesOf } from './kinds/index.ts'
import { LiveMirror } from './live-mirror.ts'
import type { Mirror } from './mirror.ts'
import type { Inspection } from './once.ts'
import type { ApplyContext, Finding, Kernel, KernelEvent, Outcome } from './operation.ts'
import { Outcomes, type ReconcilerCounters } from './outcomes.ts'
import { Passes } from './passes.ts'
import { ResyncDue } from './resync-due.ts'
import { Turns } from './turns.ts'

export interface ReconcilerOptions {
  readonly kernel: Kernel
  /** Keyed by `entryKey`. */
  readonly desired: DesiredEntries
  readonly clock: Clock
  readonly log: Logger
  /** Time between two comparisons of everything; 60,000 by default. */
  readonly auditMs?: number
  /** Uniform in [0, 1), for the jitter of retries. */
  readonly random?: () => number
}

/** After so long the settings are looked at that ADDs did not wait for: those of many ADDs in a row at once. */
const DOUBT_MS = 100

/** What a namespace holds, by key. */
type Observed = Pick<Mirror, 'get' | 'addressesOf' | 'entries'>

/** Keys that wait for somebody to converge them. */
export interface Reservation {
  /** As `Reconciler.run`; once. */
  run(context?: ApplyContext): Promise<readonly Outcome[]>
  /** Leaves them to everybody again, if they have not been run. */
  cancel(): void
}

/**
 * Keeps one namespace as desired; the only writer of it.
 *
 * Level-triggered: changes of `desired` and events of the kernel only mark keys dirty. When it is their turn (`Turns`),
 * what is wanted of these keys is compared with the mirror (`Comparison`, `LiveMirror`), whatever happened in between,
 * and the difference is applied (`Passes`). `Outcomes` tells what came of it, and what fails is tried again, later and
 * later.
 */
export class Reconciler {
  private readonly options: ReconcilerOptions
  private readonly mirror = new LiveMirror()
  private readonly comparison: Comparison
  private readonly outcomes: Outcomes
  private readonly passes: Passes
  private readonly resync: ResyncDue
  private readonly turns: Turns
  private readonly jointRuns: JointRuns
  private readonly unsubscribe: (() => void)[] = []
  /** The mirror is new: every key is to be looked at. */
  private everythingDue: Cause | undefined
  /** Whether settings are to be looked at: when the time comes, or now. */
  private doubt: 'none' | 'later' | 'due' = 'none'
  private audits: Promise<void> = Promise.resolve()
  private stopped = false

  constructor(options: ReconcilerOptions) {
    this.options = options
    const { kernel, desired, clock, log, random = () => 0.5 } = options
    this.comparison = new Comparison(desired, this.mirror)
    this.outcomes = new Outcomes({
      clock,
      log,
      random,
      onRetry: (keys, doubt) => this.retry(keys, doubt),
    })
    this.passes = new Passes({ kernel, comparison: this.comparison, outcomes: this.outcomes })
    this.resync = new ResyncDue(clock, random)
    this.turns = new Turns({ clock, work: () => this.work(), isBusy: () => this.passes.isDue })
    this.jointRuns = new JointRuns(
      task => this.turns.take(task),
      keys => this.converge(keys),
    )
  }

  /** Observes, converges once, then follows. Rejects if the namespace cannot be observed. */
  async start(): Promise<void> {
    const { kernel, desired } = this.options
    this.unsubscribe.push(kernel.watch(event => this.onEvent(event)))
    this.unsubscribe.push(desired.subscribe(changes => this.onChanges(changes)))
    this.comparison.begin()
    this.resync.ask({ why: 'start', cause: 'start' }, 'at once')
    await this.turns.take(async () => {
      await this.observe()
      await this.lookAtEverything()
    })
    await this.finishBacklog()
    this.scheduleAudit()
  }

  /** Nothing that is merely no longer desired is deleted until `releaseDeletes`; `run` is not held. */
  holdDeletes(): void {
    this.passes.held.hold()
  }

  /** What answers to this is never deleted merely because nobody desires it; `run` deletes it all the same. */
  spare(isSpared: (key: string) => boolean): void {
    this.passes.held.spare(isSpared)
  }

  releaseDeletes(): void {
    if (!this.passes.held.release()) return
    // Not only at what was held: of a link that would go nobody has planned what hangs on it, and now the link may stay.
    this.everythingDue = 'desired'
    this.turns.schedule('now')
  }

  /**
   * Converges just these keys, at once, with namespaces at hand and regardless of `holdDeletes`: what ADD and DEL call
   * right after they changed what is desired. The outcomes are those of all operations it took, or without namespaces
   * of those on the keys themselves.
   */
  run(keys: Iterable<string>, context?: ApplyContext): Promise<readonly Outcome[]> {
    return this.reserve(keys).run(context)
  }

  /**
   * From now on nobody else converges these keys: for whoever says what is desired before it may be done. To be run or
   * cancelled.
   */
  reserve(keys: Iterable<string>): Reservation {
    const own = [...keys]
    const { dirty } = this.passes
    dirty.reserve(own)
    let isHeld = true
    return {
      run: context => {
        isHeld = false
        return context === undefined
          ? this.jointRuns.run(own)
          : this.turns.take(() => this.converge(own, context))
      },
      cancel: () => {
        if (!isHeld) return
        isHeld = false
        dirty.release(own)
        // Whatever happened to them meanwhile was not marked.
        for (const key of own) dirty.mark(key, 'desired')
        this.turns.schedule('soon')
      },
    }
  }

  /**
   * Removes entries of others, by name, because a user's configuration says so (`forceAddress`): the one case in which
   * something without our mark is touched, and never decided here.
   */
  evict(entries: readonly Entry[]): Promise<readonly Outcome[]> {
    return this.turns.take(() => this.passes.evict(entries))
  }

  /** Compares everything, as it also does every `auditMs`. Resolves when that is done and repaired. */
  audit(): Promise<void> {
    const audit = this.auditNow()
    this.audits = Promise.allSettled([this.audits, audit]).then(() => undefined)
    return audit
  }

  /** What it would take to converge these keys, as far as is known. */
  plan(keys: Iterable<string>): Inspection {
    return this.comparison.plan(keys)
  }

  /** The same in a turn of its own, when all that was done is known: what CHECK asks. */
  inspect(keys: Iterable<string>): Promise<Inspection> {
    const own = [...keys]
    return this.turns.take(async () => this.plan(own))
  }

  /** What the namespace holds, as far as is known; reading it costs the kernel nothing. */
  get observed(): Observed {
    return this.mirror.current
  }

  /**
   * The same when all that was done is known: whoever is told of outcomes early may ask, or be asked, before the kernel has
   * been heard of them, at the end of the same turn.
   */
  known(): Promise<Observed> {
    return this.turns.take(async () => this.observed)
  }

  get counters(): ReconcilerCounters {
    return this.outcomes.counters
  }

  get findings(): readonly Finding[] {
    return [...this.outcomes.findings.values()]
  }

  /** The last 200 operations, oldest first. */
  history(): readonly HistoryItem[] {
    return this.outcomes.history.list()
  }

  /** Resolves when no pass is running or due. What failed and waits for its next try is not due. */
  settled(): Promise<void> {
    return this.turns.settled()
  }

  /** Stops following; resolves when whatever is running has ended. The kernel stays open. */
  async stop(): Promise<void> {
    this.stopped = true
    for (const end of this.unsubscribe) end()
    this.outcomes.stop()
    await this.turns.stop()
    await this.audits
    this.outcomes.stop()
  }

  private async converge(reserved: readonly string[], context?: ApplyContext): Promise<readonly Outcome[]> {
    this.passes.dirty.release(reserved)
    try {
      if (this.resync.isDue) await this.observe()
      const keys = new Map<string, Cause>()
      for (const key of reserved) keys.set(key, 'desired')
      return await this.passes.atOnce(keys, context)
    } catch (error) {
      this.startOver()
      throw error
    } finally {
      this.goOn()
      this.lookLater()
    }
  }

  private lookLater(): void {
    if (this.doubt !== 'none' || !this.passes.hasDoubted) return
    this.doubt = 'later'
    this.turns.after(DOUBT_MS, () => {
      this.doubt = 'due'
      this.turns.schedule('now')
    })
  }

  private onChanges(changes: readonly Change<Entry>[]): void {
    for (const change of changes) {
      this.comparison.follow(change)
      this.passes.backlog.delete(change.key)
      this.passes.dirty.mark(change.key, 'desired')
      this.markFindingsAbout(change.before)
    }
    // Not at once: whoever changed it may be about to call `run`, with the namespaces that it takes.
    if (this.passes.dirty.size > 0) this.turns.schedule('soon')
  }

  /** A link that was missed is not, once nothing that is desired hangs on it. */
  private markFindingsAbout(gone: Entry | undefined): void {
    if (gone === undefined || this.outcomes.findings.size === 0) return
    for (const { key } of rulesOf(gone).parents(gone)) {
      const [child] = this.comparison.desiredChildren(key)
      if (child === undefined && this.outcomes.findings.has(key)) this.passes.dirty.mark(key, 'desired')
    }
  }

  private onEvent(event: KernelEvent): void {
    this.outcomes.counters.events += 1
    if (event.event === 'resync') return this.ask({ why: event.why, cause: 'drift' }, 'soon')
    for (const key of this.comparison.fold(event)) this.passes.touch(key)
    if (this.passes.dirty.size > 0) this.turns.schedule('now')
  }

  private retry(keys: readonly string[], doubt: string | undefined): void {
    for (const key of keys) this.passes.dirty.mark(key, 'retry')
    if (doubt === undefined) this.turns.schedule('now')
    else this.ask({ why: doubt, cause: 'retry' }, 'at once')
  }

  private ask(...resync: Parameters<ResyncDue['ask']>): void {
    const delayMs = this.resync.ask(...resync)
    if (delayMs === 0) this.turns.schedule('now')
    else if (delayMs !== undefined) this.turns.after(delayMs, () => this.turns.schedule('now'))
  }

  /** Whatever is due. Never rejects: what fails is logged, and everything is looked at again. */
  private async work(): Promise<void> {
    try {
      if (this.resync.isReady) await this.observe()
      if (this.doubt === 'due') this.lookAtDoubted()
      if (this.everythingDue !== undefined) await this.lookAtEverything()
      else if (this.passes.isDue) await this.passes.next()
    } catch (error) {
      this.options.log.error('a pass failed; everything is observed again', { error: errorText(error) })
      this.startOver()
    } finally {
      this.goOn()
    }
  }

  private lookAtDoubted(): void {
    this.doubt = 'none'
    this.passes.lookAtDoubted()
  }

  /** Whatever is left, or has come up, is done in a turn of its own. */
  private goOn(): void {
    if (this.everythingDue !== undefined || this.passes.isDue) this.turns.schedule('now')
  }

  private lookAtEverything(): Promise<void> {
    const cause = this.everythingDue ?? 'retry'
    this.everythingDue = undefined
    return this.passes.all(cause)
  }

  private startOver(): void {
    this.ask({ why: 'a pass failed', cause: 'retry' }, 'later')
  }

  private async observe(): Promise<void> {
    // Taken first: an overflow during the dump asks for another.
    const due = this.resync.take()
    if (due !== undefined && due.cause !== 'start') {
      this.outcomes.counters.resyncs += 1
      this.options.log.warn('observing everything again', { why: due.why })
    }
    await this.replaceMirror(
      task => task(),
      async () => {
        this.everythingDue = due?.cause ?? 'retry'
      },
    )
  }

  private replaceMirror(
    guard: (task: () => Promise<void>) => Promise<void>,
    then: () => Promise<void>,
  ): Promise<void> {
    const observe = () => this.options.kernel.observe(this.comparison.desiredEntries())
    return this.mirror.replace(observe, guard, then)
  }

  private async auditNow(): Promise<void> {
    await this.replaceMirror(
      task => this.turns.take(task),
      async () => {
        // A resync that is due will look at everything again anyway.
        if (this.stopped || this.resync.isDue) return
        this.counters.audits += 1
        this.everythingDue = 'audit'
        await this.lookAtEverything()
      },
    )
    await this.finishBacklog()
    this.outcomes.prune()
  }

  private scheduleAudit(): void {
    this.turns.after(this.options.auditMs ?? 60_000, () => {
      this.audit()
        .catch(error => this.options.log.error('audit failed', { error: errorText(error) }))
        .then(() => this.scheduleAudit())
    })
  }

  /** Resolves when what is left of a long plan has been carried out. */
  private async finishBacklog(): Promise<void> {
    do await this.turns.take(() => this.work())
    while (!this.stopped && this.passes.backlog.size > 0)
  }
}
