import { entryKey } from './entry.ts'
import type { Operation } from './operation.ts'

/** Deletions that wait: while held, nothing goes that is merely no longer desired. */
export class HeldDeletes {
  private held = false
  private readonly keys = new Set<string>()

  hold(): void {
    this.held = true
  }

  /** Returns the keys of what was held back. */
  release(): readonly string[] {
    this.held = false
    const keys = [...this.keys]
    this.keys.clear()
    return keys
  }

  /** True if the operation must wait. What makes room, or is made again at once, need not. */
  holds({ op, why, entry }: Operation): boolean {
    if (!this.held || op !== 'delete' || why !== 'stale') return false
    this.keys.add(entryKey(entry))
    return true
  }
}
