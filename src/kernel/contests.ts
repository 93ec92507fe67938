/** Repairs of one key within the window that are taken for a fight with another program. */
const LIMIT = 100
const WINDOW_MS = 10_000

interface Repairs {
  readonly sinceMs: number
  lastMs: number
  count: number
}

/**
 * Counts how often each key had to be repaired lately, so that two programs that disagree do not spin forever. A key
 * that is fought over stays so until nothing had to be done about it for a while.
 */
export class Contests {
  private readonly repairs = new Map<string, Repairs>()

  /** Notes that the key had to be put right at `nowMs` (monotonic). */
  record(key: string, nowMs: number): void {
    const known = this.repairs.get(key)
    if (known === undefined || (!isContested(known) && nowMs - known.sinceMs > WINDOW_MS)) {
      this.repairs.set(key, { sinceMs: nowMs, lastMs: nowMs, count: 1 })
      return
    }
    known.count += 1
    known.lastMs = nowMs
  }

  /** True if the key is fought over and should wait for its next try. */
  has(key: string): boolean {
    const known = this.repairs.get(key)
    return known !== undefined && isContested(known)
  }

  /** Nothing had to be done about the key now. True if it is not fought over any more. */
  calm(key: string, nowMs: number): boolean {
    const known = this.repairs.get(key)
    if (known === undefined || !isContested(known)) return true
    if (nowMs - known.lastMs <= WINDOW_MS) return false
    this.repairs.delete(key)
    return true
  }

  /** Forgets what is too old to matter; call it now and then. */
  prune(nowMs: number): void {
    for (const [key, known] of this.repairs) {
      if (!isContested(known) && nowMs - known.sinceMs > WINDOW_MS) this.repairs.delete(key)
    }
  }
}

function isContested({ count }: Repairs): boolean {
  return count > LIMIT
}
