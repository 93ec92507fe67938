import type { Change, Collection, Index } from './collection.ts'
import { defect } from './errors.ts'
import { type Companion, LiveCollection } from './live-collection.ts'
import type { OriginTrace } from './origin.ts'
import { compareText } from './value.ts'
import { type Watchpoint, Watchpoints } from './watchpoint.ts'

/**
 * Keeps the items of a collection by the text that `by` computes from each; undefined leaves an item out.
 * `by` must be pure.
 */
export function index<T>(
  collection: Collection<T>,
  name: string,
  by: (item: T) => string | undefined,
): Index<T> {
  return new LiveIndex(liveOf(collection), name, by)
}

interface Bucket<T> {
  readonly items: Map<string, T>
  /** The items in the order of their keys; made when first asked for after a change. */
  sorted: readonly T[] | undefined
}

/** Made by `index`. */
export class LiveIndex<T> implements Index<T>, Companion<T> {
  readonly name: string
  readonly collection: LiveCollection<T>
  private readonly by: (item: T) => string | undefined
  private readonly buckets = new Map<string, Bucket<T>>()
  private readonly watchpoints = new Watchpoints((value, trace) => this.trace(value, trace))

  constructor(collection: LiveCollection<T>, name: string, by: (item: T) => string | undefined) {
    this.collection = collection
    this.name = name
    this.by = by
    for (const [key, item] of collection.entries()) this.put(key, item)
    collection.attach(this)
  }

  apply(changes: readonly Change<T>[]): void {
    for (const { key, before, after } of changes) {
      if (before !== undefined) this.take(key, before)
      if (after !== undefined) this.put(key, after)
    }
  }

  where(value: string): readonly T[] {
    const bucket = this.buckets.get(value)
    if (bucket === undefined) return []
    bucket.sorted ??= Object.freeze(
      [...bucket.items].sort(([a], [b]) => compareText(a, b)).map(([, item]) => item),
    )
    return bucket.sorted
  }

  watch(value: string): Watchpoint {
    return this.watchpoints.at(value)
  }

  private put(key: string, item: T): void {
    const value = this.valueOf(key, item)
    if (value === undefined) return
    const bucket = this.buckets.get(value) ?? { items: new Map(), sorted: undefined }
    this.buckets.set(value, bucket)
    bucket.items.set(key, item)
    bucket.sorted = undefined
    this.watchpoints.trip(value)
  }

  private take(key: string, item: T): void {
    const value = this.valueOf(key, item)
    const bucket = value === undefined ? undefined : this.buckets.get(value)
    if (value === undefined || bucket === undefined) return
    bucket.items.delete(key)
    bucket.sorted = undefined
    if (bucket.items.size === 0) this.buckets.delete(value)
    this.watchpoints.trip(value)
  }

  private valueOf(key: string, item: T): string | undefined {
    try {
      return this.by(item)
    } catch (error) {
      this.collection.graph.tell(defect(`index ${this.name}`, this.collection.name, key, error))
      return undefined
    }
  }

  private trace(value: string, trace: OriginTrace): void {
    const keys = [...(this.buckets.get(value)?.items.keys() ?? [])].sort(compareText)
    for (const key of keys) this.collection.trace(key, trace)
  }
}

/** The inside of a collection of ours. */
export function liveOf<T>(collection: Collection<T>): LiveCollection<T> {
  if (collection instanceof LiveCollection) return collection
  throw new TypeError(`${collection.name} was not made by a Graph; only such collections can be derived from`)
}
