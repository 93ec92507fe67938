import { errorText } from '../base/index.ts'
import type { Operation, Outcome } from './operation.ts'

/** What made a pass look at a key. `drift`: the kernel changed under us; `audit`: so it did, and no event told. */
export type Cause = 'start' | 'desired' | 'drift' | 'audit' | 'retry'

export interface HistoryItem {
  /** Wall time, milliseconds since 1970. */
  readonly atMs: number
  readonly op: Operation['op']
  readonly key: string
  readonly why: Operation['why']
  readonly cause: Cause
  /** There if the kernel refused. */
  readonly error?: { readonly code: string; readonly errno?: string; readonly message: string }
}

/** The last operations, oldest first. */
export class History {
  private readonly items: HistoryItem[] = []
  private readonly capacity: number
  private next = 0

  constructor(capacity = 200) {
    this.capacity = capacity
  }

  /** `key` is that of the operation's entry. */
  record(key: string, { operation, error }: Outcome, cause: Cause, atMs: number): void {
    const { op, why } = operation
    const item: HistoryItem = {
      atMs,
      op,
      key,
      why,
      cause,
      ...(error === undefined
        ? {}
        : {
            error: {
              code: error.code,
              ...(error.payload.errno === undefined ? {} : { errno: error.payload.errno }),
              message: errorText(error),
            },
          }),
    }
    this.items[this.next % this.capacity] = item
    this.next += 1
  }

  list(): readonly HistoryItem[] {
    if (this.next <= this.capacity) return [...this.items]
    const start = this.next % this.capacity
    return [...this.items.slice(start), ...this.items.slice(0, start)]
  }
}
