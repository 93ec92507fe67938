/** One committed change of one object; `before` and `after` are absent where there was or is none. */
export interface StoredChange<T> {
  readonly revision: number
  readonly key: string
  readonly before?: T
  readonly after?: T
}

/**
 * The latest changes of one kind, in order: the one bounded queue that all its watchers read from, each at its own
 * position. A watcher that falls out of the window has to list again, so a slow one costs no memory.
 */
export class ChangeWindow<T> {
  private changes: StoredChange<T>[] = []
  private readonly limit: number
  private readonly waiting = new Set<() => void>()
  /** Changes up to this revision are no longer here. */
  private dropped: number

  constructor(limit: number, droppedUpTo = 0) {
    this.limit = limit
    this.dropped = droppedUpTo
  }

  get droppedUpTo(): number {
    return this.dropped
  }

  push(change: StoredChange<T>): void {
    this.changes.push(change)
    // cutting only when twice the limit is reached makes a push cheap on average
    if (this.changes.length > 2 * this.limit) this.trim(this.limit)
    const woken = [...this.waiting]
    this.waiting.clear()
    for (const wake of woken) wake()
  }

  /** Keeps the last `count` changes. */
  trim(count: number): void {
    const removed = this.changes.splice(0, Math.max(0, this.changes.length - count))
    this.dropped = removed.at(-1)?.revision ?? this.dropped
  }

  /** The first change after `revision`; `expired` if it may have been dropped. */
  next(revision: number): StoredChange<T> | 'expired' | undefined {
    if (revision < this.dropped) return 'expired'
    let low = 0
    let high = this.changes.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.changes[middle]?.revision ?? 0) > revision) high = middle
      else low = middle + 1
    }
    return this.changes[low]
  }

  /** Calls `wake` once, at the next push; the result takes that back. */
  onPush(wake: () => void): () => void {
    this.waiting.add(wake)
    return () => this.waiting.delete(wake)
  }
}
