/** One guard of the product, and the edit that takes it out. */
export interface Guard {
  readonly name: string
  /** What it is there for. */
  readonly protects: string
  /** Below `src/`. */
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly find: string
  readonly replace: string
  /** The invariants of which one must catch its absence; `defect`: it throws, or never comes to rest. */
  readonly expects: readonly string[]
}
