import type { Clock } from '../base/index.ts'
import { revisionNumber } from './store.ts'

/** Keeps time from running backward: knows the highest revision seen, and judges what comes by it. */
export class RevisionGuard {
  private readonly clock: Clock
  private readonly graceMs: number
  private highest: bigint | undefined
  /** When a list was older than what was seen last, and how long we have been waiting for better ones. */
  private behind: { readonly lastMs: number; readonly waitedMs: number } | undefined

  /** @param graceMs how long lists must have been old before one is believed */
  constructor(clock: Clock, graceMs: number) {
    this.clock = clock
    this.graceMs = graceMs
  }

  /** The highest revision seen, for messages. */
  get seen(): string {
    return String(this.highest)
  }

  /**
   * `old`: from a replica that lags behind. `fallen`: lists have been old for so long that the store must have been
   * restored from a backup, and this one counts. Revisions that are no numbers have no order and are `good`.
   */
  judgeList(resourceVersion: string): 'good' | 'old' | 'fallen' {
    const revision = revisionNumber(resourceVersion)
    if (revision === undefined || this.highest === undefined || revision >= this.highest) {
      this.behind = undefined
      this.highest = revision ?? this.highest
      return 'good'
    }
    const nowMs = this.clock.nowMs()
    const { lastMs, waitedMs } = this.behind ?? { lastMs: nowMs, waitedMs: 0 }
    // time alone proves nothing: it also passes while this process stands still
    const gapMs = Math.min(nowMs - lastMs, this.graceMs / 3)
    this.behind = { lastMs: nowMs, waitedMs: waitedMs + gapMs }
    if (this.behind.waitedMs < this.graceMs) return 'old'
    this.behind = undefined
    this.highest = revision
    return 'fallen'
  }

  /** `again`: the revision seen last. `back`: older than that, so that the stream cannot be trusted. */
  judgeEvent(resourceVersion: string): 'new' | 'again' | 'back' {
    const revision = revisionNumber(resourceVersion)
    if (revision === undefined || this.highest === undefined || revision > this.highest) {
      this.highest = revision ?? this.highest
      return 'new'
    }
    return revision === this.highest ? 'again' : 'back'
  }
}
