import { entryKey } from './entry.ts'
import type { Outcome } from './operation.ts'

/** Asks for a turn and calls back with it; resolves with what `converge` resolves with. */
export type TakeTurn = <T>(task: () => Promise<T>) => Promise<T>

interface Waiting {
  readonly keys: string[]
  readonly outcomes: Promise<readonly Outcome[]>
}

/**
 * Those who wait for their turn with nothing but keys share one: the kernel deletes fifty links in the time of one if
 * it is asked at once, and in fifty times that if they come one by one.
 */
export class JointRuns {
  private readonly takeTurn: TakeTurn
  private readonly converge: (keys: readonly string[]) => Promise<readonly Outcome[]>
  private waiting: Waiting | undefined

  constructor(takeTurn: TakeTurn, converge: (keys: readonly string[]) => Promise<readonly Outcome[]>) {
    this.takeTurn = takeTurn
    this.converge = converge
  }

  /** The outcomes are those of the caller's own keys. */
  async run(keys: readonly string[]): Promise<readonly Outcome[]> {
    this.waiting ??= this.open()
    this.waiting.keys.push(...keys)
    const own = new Set(keys)
    const outcomes = await this.waiting.outcomes
    return outcomes.filter(({ operation }) => own.has(entryKey(operation.entry)))
  }

  private open(): Waiting {
    const keys: string[] = []
    const outcomes = this.takeTurn(() => {
      this.waiting = undefined
      return this.converge(keys)
    })
    return { keys, outcomes }
  }
}
