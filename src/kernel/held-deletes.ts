import { entryKey } from './entry.ts'
import type { Operation } from './operation.ts'

/** Deletions that wait: while held, nothing goes that is merely no longer desired; what is spared never does. */
export class HeldDeletes {
  private isSpared: (key: string) => boolean = () => false
  private held = false
  private waiting = false

  hold(): void {
    this.held = true
  }

  spare(isSpared: (key: string) => boolean): void {
    this.isSpared = isSpared
  }

  /** True if something was held back. */
  release(): boolean {
    const { waiting } = this
    this.held = false
    this.waiting = false
    return waiting
  }

  /** True if the operation must wait. What makes room, or is made again at once, need not. */
  holds({ op, why, entry }: Operation): boolean {
    if (op !== 'delete' || why !== 'stale') return false
    if (this.isSpared(entryKey(entry))) return true
    if (!this.held) return false
    this.waiting = true
    return true
  }
}
