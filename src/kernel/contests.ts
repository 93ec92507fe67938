/** Repairs of one key within the window that are taken for a fight with another program. */
const LIMIT = 100
const WINDOW_MS = 10_000

/** Counts how often each key had to be repaired lately, so that two programs that disagree do not spin forever. */
export class Contests {
  private readonly repairs = new Map<string, { since: number; count: number }>()

  /** Notes a repair at `nowMs` (monotonic). True if the key is fought over and should wait. */
  record(key: string, nowMs: number): boolean {
    const known = this.repairs.get(key)
    if (known === undefined || nowMs - known.since > WINDOW_MS) {
      this.repairs.set(key, { since: nowMs, count: 1 })
      return false
    }
    known.count += 1
    return known.count > LIMIT
  }

  /** Forgets what is too old to matter; call it now and then. */
  prune(nowMs: number): void {
    for (const [key, { since }] of this.repairs) {
      if (nowMs - since > WINDOW_MS) this.repairs.delete(key)
    }
  }
}
