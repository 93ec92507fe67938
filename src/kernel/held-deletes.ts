import type { Operation } from './operation.ts'

/** Deletions that wait: while held, nothing goes that is merely no longer desired. */
export class HeldDeletes {
  private held = false
  private waiting = false

  hold(): void {
    this.held = true
  }

  /** True if something was held back. */
  release(): boolean {
    const { waiting } = this
    this.held = false
    this.waiting = false
    return waiting
  }

  /** True if the operation must wait. What makes room, or is made again at once, need not. */
  holds({ op, why }: Operation): boolean {
    if (!this.held || op !== 'delete' || why !== 'stale') return false
    this.waiting = true
    return true
  }
}
