import type { Row } from '../stats.ts'

export interface BenchContext {
  /** One line for the person who waits, on standard error. */
  note(line: string): void
  /** Fewer measurements: to see that a benchmark works, not to quote its figures. */
  readonly quick: boolean
  /** Also what takes a kernel of its own. */
  readonly guest: boolean
  /** Aborted on Ctrl-C: give up and clean up. */
  readonly signal: AbortSignal
}

/** A file `bench/<name>.ts` exports one of these as `bench`. */
export interface Bench {
  /** One line: what is measured against what. */
  readonly what: string
  /** It has rows that are measured in the guest. */
  readonly canUseGuest?: true
  run(context: BenchContext): Promise<readonly Row[]>
}
