import { Claims } from './claims.ts'
import type { Collection, Conflict, Index, Keyed, Reader } from './collection.ts'
import { ambiguous, defect, impure, wrongOrder } from './errors.ts'
import type { Member } from './graph.ts'
import { LiveIndex, liveOf } from './index-by.ts'
import { LiveCollection } from './live-collection.ts'
import type { OriginTrace } from './origin.ts'
import { sameValue } from './value.ts'
import type { Dependent, Watchpoint } from './watchpoint.ts'

/**
 * Pure and synchronous: what one input item leads to. It may look at other items through `read` only, and throws
 * for defects only.
 */
export type Plan<In, Out> = (item: In, read: Reader, key: string) => Iterable<Keyed<Out>>

/**
 * A collection that is kept equal to the plan's outputs for every item of `source`.
 *
 * A plan that throws is reported (`Graph.onDefect`) and its item keeps the outputs it had; it runs again when its
 * item or anything that it read changes.
 */
export function derive<In, Out>(name: string, source: Collection<In>, plan: Plan<In, Out>): Collection<Out> {
  const derived = new DerivedCollection(name, liveOf(source), plan)
  source.graph.initialise(derived)
  return derived
}

const NONE: readonly never[] = Object.freeze([])

/** One input item: what it claims and what its plan read. */
class Item implements Dependent {
  readonly key: string
  /** Arrays, since there is an item for each input of each collection, and a Map or Set takes 150 bytes and more. */
  private outputs: readonly string[] = NONE
  private watched: readonly Watchpoint[] = NONE
  private readonly onInvalidate: (item: Item) => void

  constructor(key: string, onInvalidate: (item: Item) => void) {
    this.key = key
    this.onInvalidate = onInvalidate
  }

  invalidate(): void {
    this.onInvalidate(this)
  }

  get reads(): readonly Watchpoint[] {
    return this.watched
  }

  /** Watches exactly these from now on. */
  watch(reads: ReadonlySet<Watchpoint>): void {
    if (reads.size === 0 && this.watched.length === 0) return
    for (const read of this.watched) if (!reads.has(read)) read.remove(this)
    for (const read of reads) read.add(this)
    this.watched = reads.size === 0 ? NONE : [...reads]
  }

  /** Claims exactly these from now on. */
  claim<Out>(outputs: ReadonlyMap<string, Out>, claims: Claims<Out, Item>): void {
    for (const key of this.outputs) if (!outputs.has(key)) claims.withdraw(key, this)
    for (const [key, value] of outputs) claims.claim(key, this, value)
    this.outputs = outputs.size === 0 ? NONE : [...outputs.keys()]
  }
}

class DerivedCollection<In, Out> extends LiveCollection<Out> {
  private readonly source: LiveCollection<In>
  private readonly plan: Plan<In, Out>
  private readonly items = new Map<string, Item>()
  private readonly claims = new Claims<Out, Item>(this.values)
  /** Items to plan again though they did not change themselves. */
  private readonly stale = new Set<Item>()
  private readonly onInvalidate = (item: Item) => {
    this.stale.add(item)
    this.graph.schedule(this)
  }
  private fresh = true

  constructor(name: string, source: LiveCollection<In>, plan: Plan<In, Out>) {
    super(source.graph, name)
    this.source = source
    this.plan = plan
    source.follow(this)
  }

  update(): void {
    if (this.fresh) for (const [key, input] of this.source.entries()) this.run(key, input)
    this.fresh = false
    for (const { key, after } of this.source.changes) {
      if (after === undefined) this.drop(key)
      else this.run(key, after)
    }
    for (const item of this.stale) {
      const input = this.source.get(item.key)
      if (input !== undefined) this.run(item.key, input)
    }
    this.stale.clear()
    this.publish(this.claims.settle())
  }

  trace(key: string, trace: OriginTrace): void {
    if (!this.values.has(key) || !trace.visit(this.name, key)) return
    const holders = [...this.claims.holders(key)]
    for (const item of holders) this.source.trace(item.key, trace)
    for (const item of holders) for (const read of item.reads) read.trace(trace)
  }

  conflicts(): readonly Conflict<Out>[] {
    return this.claims.conflicts(this.name, item => ({ collection: this.source.name, key: item.key }))
  }

  ownConflicts(): readonly Conflict<Out>[] {
    return this.conflicts()
  }

  private run(key: string, input: In): void {
    const item = this.items.get(key) ?? new Item(key, this.onInvalidate)
    this.items.set(key, item)
    this.stale.delete(item)
    const reader = new TrackingReader(this)
    this.graph.counters.plans += 1
    try {
      // The result may be a generator, so the reader must live until it has been read to its end.
      const outputs = this.gather(this.plan(input, reader, key))
      this.graph.report(item)
      item.claim(outputs, this.claims)
    } catch (error) {
      this.graph.report(item, defect(`plan of ${this.name}`, this.name, key, error))
    }
    // Also after a failure: what was read so far decided that it fails.
    item.watch(reader.finish())
  }

  private gather(outputs: Iterable<Keyed<Out>>): Map<string, Out> {
    const gathered = new Map<string, Out>()
    for (const { key, value } of outputs) {
      if (gathered.has(key) && !sameValue(gathered.get(key), value)) throw ambiguous(this.name, key)
      gathered.set(key, value)
    }
    return gathered
  }

  private drop(key: string): void {
    const item = this.items.get(key)
    if (item === undefined) return
    this.items.delete(key)
    this.stale.delete(item)
    item.claim(new Map(), this.claims)
    item.watch(new Set())
    this.graph.report(item)
  }
}

/** Records what one run of a plan reads. */
class TrackingReader implements Reader {
  private readonly reads = new Set<Watchpoint>()
  private readonly reading: Member
  private finished = false

  constructor(reading: Member) {
    this.reading = reading
  }

  get<T>(collection: Collection<T>, key: string): T | undefined {
    const live = this.admit(collection)
    this.reads.add(live.watchKey(key))
    return live.get(key)
  }

  where<T>(index: Index<T>, value: string): readonly T[] {
    this.admit(index.collection)
    if (!(index instanceof LiveIndex)) throw new TypeError(`${index.name} was not made by index()`)
    this.reads.add(index.watch(value))
    return index.where(value)
  }

  all<T>(collection: Collection<T>): Iterable<[string, T]> {
    const live = this.admit(collection)
    const watchpoint = live.watchAll()
    if (!this.reads.has(watchpoint)) live.graph.counters.wholeReads += 1
    this.reads.add(watchpoint)
    return live.inOrder()
  }

  finish(): ReadonlySet<Watchpoint> {
    this.finished = true
    return this.reads
  }

  /** Only what is older has its final state when the plan runs. */
  private admit<T>(collection: Collection<T>): LiveCollection<T> {
    if (this.finished) throw impure(this.reading.name, 'a reader is used after its plan has ended')
    const live = liveOf(collection)
    if (live.graph !== this.reading.graph || live.position >= this.reading.position) {
      throw wrongOrder(this.reading.name, live.name)
    }
    return live
  }
}
