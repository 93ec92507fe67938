import type { Graph } from './graph.ts'

/**
 * A live, keyed set of values. It changes in ticks only: whoever looks, looks at a state in which everything that
 * is derived agrees with everything it is derived from.
 */
export interface Collection<T> {
  /** Unique within the graph; appears in origins, conflicts and errors. */
  readonly name: string
  readonly graph: Graph
  readonly size: number
  get(key: string): T | undefined
  /** The present state. Values are frozen; the order means nothing. */
  entries(): Iterable<[string, T]>
  /**
   * Calls `listener` after each tick that changed something here, with all of it at once; the state from before
   * the subscription is not replayed. What a listener writes to a source happens in a following tick.
   * @returns a function that ends the subscription
   */
  subscribe(listener: (changes: readonly Change<T>[]) => void): () => void
  /**
   * The source items that the value under `key` was made from: its own first, then those its plan read, each once.
   * Empty if there is no such key.
   */
  origin(key: string): readonly Origin[]
  /** Keys that several inputs want to have different values; for a union, those of its members too. */
  conflicts(): readonly Conflict<T>[]
}

/** One difference; `before` is absent for a new key, `after` for one that went. */
export interface Change<T> {
  readonly key: string
  readonly before?: T
  readonly after?: T
}

/** What a plan yields. */
export interface Keyed<T> {
  readonly key: string
  readonly value: T
}

/** One item of a source. */
export interface Origin {
  readonly collection: string
  readonly key: string
}

export interface Conflict<T = unknown> {
  readonly collection: string
  readonly key: string
  /** The value that stands. */
  readonly value: T
  /** Everyone who claims the key, the oldest claim first. */
  readonly claims: readonly {
    /** The input item, one step up; ask its collection's `origin` for what is behind it. */
    readonly by: Origin
    readonly value: T
    /** True if this claim has the value that stands. */
    readonly holds: boolean
  }[]
}

/** Handed to a plan for the time of one run: everything read through it makes the plan run again when it changes. */
export interface Reader {
  /** Reads one key, present or not. */
  get<T>(collection: Collection<T>, key: string): T | undefined
  /** Reads all items whose index value is `value`, in the order of their keys. */
  where<T>(index: Index<T>, value: string): readonly T[]
  /** Reads everything, in the order of keys: any change reruns the plan. Discouraged, and counted. */
  all<T>(collection: Collection<T>): Iterable<[string, T]>
}

/** The items of a collection by a text computed from each; made by `index`, read by `Reader.where`. */
export interface Index<T> {
  readonly name: string
  readonly collection: Collection<T>
}
