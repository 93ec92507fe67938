import { type Clock, errorText, type Logger } from '../base/index.ts'
import type { Steps } from './backlog.ts'
import { Contests } from './contests.ts'
import { entryKey } from './entry.ts'
import { contested, describe, refused } from './findings.ts'
import { type Cause, History } from './history.ts'
import type { Finding, Operation, Outcome } from './operation.ts'
import { Retries } from './retries.ts'

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

export interface OutcomesOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly random: () => number
  /** These keys are to be tried again now; `doubt` says why what is known of them may be wrong. */
  readonly onRetry: (keys: readonly string[], doubt: string | undefined) => void
}

/** Lines a pass may log about single operations. */
const LOGGED = 20
/** Tries of a key before which the kernel is asked what is really there; later the audit is enough. */
const DOUBTFUL_TRIES = 3

/** What came of operations: counted, remembered, told to people, and tried again where they failed. */
export class Outcomes {
  readonly counters: ReconcilerCounters = {
    operations: 0,
    repairs: 0,
    refused: 0,
    passes: 0,
    audits: 0,
    resyncs: 0,
    events: 0,
  }
  readonly history = new History()
  /** By key of the entry they are about. */
  readonly findings = new Map<string, Finding>()
  private readonly options: OutcomesOptions
  private readonly contests = new Contests()
  private readonly retries: Retries
  /** Why what is known may be wrong. */
  private doubt: string | undefined

  constructor(options: OutcomesOptions) {
    this.options = options
    const { clock, random, onRetry } = options
    const onDue = (keys: readonly string[]) => {
      const { doubt } = this
      this.doubt = undefined
      onRetry(keys, doubt)
    }
    this.retries = new Retries({ clock, random, onDue })
  }

  /** A pass has looked at `keys`: what was known to be wrong with them is, or is found again. */
  planned(keys: Iterable<string>, findings: readonly Finding[], steps: Steps): void {
    const nowMs = this.options.clock.nowMs()
    const fought: string[] = []
    for (const key of keys) {
      if (!steps.has(key) && !this.contests.calm(key, nowMs)) {
        fought.push(key)
        continue
      }
      this.findings.delete(key)
      if (!steps.has(key)) this.retries.forget(key)
    }
    if (fought.length > 0) this.retries.fail(fought)
    for (const finding of findings) this.findings.set(finding.key, finding)
  }

  /** Notes what came of the steps; `unsteady` are keys that do not hold although theirs succeeded. */
  record(outcomes: readonly Outcome[], steps: Steps, unsteady: (key: string) => boolean): void {
    const again = new Set<string>()
    const counts = { repaired: 0, refused: 0 }
    for (const outcome of outcomes) {
      const key = entryKey(outcome.operation.entry)
      const cause = steps.get(key)?.cause ?? 'desired'
      this.history.record(key, outcome, cause, this.options.clock.wallMs())
      const failed = outcome.error !== undefined
      if (failed) counts.refused += 1
      else if (isRepair(cause)) counts.repaired += 1
      const log = (failed ? counts.refused : counts.repaired) <= LOGGED
      const unsure = failed
        ? this.refuse(key, outcome, log)
        : this.succeed(key, outcome.operation, cause, log) || unsteady(key)
      if (unsure) again.add(key)
    }
    for (const key of steps.keys()) if (!again.has(key)) this.retries.forget(key)
    if (again.size > 0) this.retries.fail(again)
    this.logRest(counts)
  }

  /** True if another program keeps undoing what is done about the key: it waits for its next try. */
  isContested(key: string): boolean {
    return this.contests.has(key)
  }

  /** Forgets what is too old to matter; call it now and then. */
  prune(): void {
    this.contests.prune(this.options.clock.nowMs())
  }

  stop(): void {
    this.retries.stop()
  }

  /** True if it should be done again before long. */
  private succeed(key: string, operation: Operation, cause: Cause, log: boolean): boolean {
    this.counters.operations += 1
    if (isRepair(cause)) {
      this.counters.repairs += 1
      if (log)
        this.options.log.info('repaired', { op: operation.op, entry: describe(operation.entry), cause })
    }
    const isContested = this.contests.has(key)
    if (isRepair(cause) || isContested) this.contests.record(key, this.options.clock.nowMs())
    if (!this.contests.has(key)) return false
    this.findings.set(key, contested(key, operation.entry))
    return true
  }

  /** True if it should be tried again. */
  private refuse(key: string, { operation, error }: Outcome, log: boolean): boolean {
    if (error === undefined) return false
    this.counters.refused += 1
    if (log) this.options.log.warn('refused', { op: operation.op, key, error: errorText(error) })
    this.findings.set(key, refused(key, error))
    // Somebody must come with the namespace; until then there is nothing to try.
    if (error.code === 'kernel.namespace-needed') return false
    const isSurprise = error.code === 'kernel.exists' || error.code === 'kernel.not-found'
    if (isSurprise && this.retries.attempts(key) < DOUBTFUL_TRIES) this.doubt ??= error.message
    return true
  }

  private logRest({ repaired, refused }: { readonly repaired: number; readonly refused: number }): void {
    const { log } = this.options
    if (repaired > LOGGED) log.info('repaired more', { operations: repaired - LOGGED })
    if (refused > LOGGED) log.warn('refused more', { operations: refused - LOGGED })
  }
}

/** What nobody asked for: it undoes a change that others made. */
function isRepair(cause: Cause): boolean {
  return cause === 'drift' || cause === 'audit'
}
