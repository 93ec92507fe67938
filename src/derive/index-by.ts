import type { Change, Collection, Index } from './collection.ts'
import { defect } from './errors.ts'
import { type Few, membersOf, withMember, withoutMember } from './few.ts'
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

/** Made by `index`. */
export class LiveIndex<T> implements Index<T>, Companion<T> {
  readonly name: string
  readonly collection: LiveCollection<T>
  private readonly by: (item: T) => string | undefined
  /** Keys of the items by index value. */
  private readonly keys = new Map<string, Few<string>>()
  /** The items in the order of their keys, where there are several; made when first asked for after a change. */
  private readonly sorted = new Map<string, readonly T[]>()
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
    const known = this.sorted.get(value)
    if (known !== undefined) return known
    const items: T[] = []
    for (const key of this.keysInOrder(value)) {
      const item = this.collection.get(key)
      if (item !== undefined) items.push(item)
    }
    Object.freeze(items)
    if (items.length > 1) this.sorted.set(value, items)
    return items
  }

  watch(value: string): Watchpoint {
    return this.watchpoints.at(value)
  }

  private put(key: string, item: T): void {
    const value = this.valueOf(key, item)
    if (value === undefined) return
    this.change(value, withMember(this.keys.get(value), key))
  }

  private take(key: string, item: T): void {
    const value = this.valueOf(key, item)
    if (value !== undefined) this.change(value, withoutMember(this.keys.get(value), key))
  }

  private change(value: string, keys: Few<string>): void {
    if (keys === undefined) this.keys.delete(value)
    else this.keys.set(value, keys)
    this.sorted.delete(value)
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
    for (const key of this.keysInOrder(value)) this.collection.trace(key, trace)
  }

  private keysInOrder(value: string): readonly string[] {
    return [...membersOf(this.keys.get(value))].sort(compareText)
  }
}

/** The inside of a collection of ours. */
export function liveOf<T>(collection: Collection<T>): LiveCollection<T> {
  if (collection instanceof LiveCollection) return collection
  throw new TypeError(`${collection.name} was not made by a Graph; only such collections can be derived from`)
}
