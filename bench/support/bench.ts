import type { Row } from '../stats.ts'

export interface BenchContext {
  /** One line for the person who waits, on standard error. */
  note(line: string): void
  /** Fewer measurements: to see that a benchmark works, not to quote its figures. */
  readonly quick: boolean
  /** Aborted on Ctrl-C: give up and clean up. */
  readonly signal: AbortSignal
}

/** A file `bench/<name>.ts` exports one of these as `bench`. */
export interface Bench {
  /** One line: what is measured against what. */
  readonly what: string
  run(context: BenchContext): Promise<readonly Row[]>
}
