import type { Conflict } from './collection.ts'
import { type DeriveError, defect, feedback, impure, nameTaken } from './errors.ts'
import { type Source, SourceCollection } from './source.ts'

/** Since the graph was made. */
export interface GraphCounters {
  ticks: number
  /** Runs of plans. */
  plans: number
  /** Runs of plans that read a whole collection. */
  wholeReads: number
  /** Differences published by all collections. */
  changes: number
}

export interface GraphOptions {
  /** How many ticks one write may cause through listeners that write; default 100. */
  readonly maxTicks?: number
}

/** What the graph needs to know of a collection. */
export interface Member {
  readonly name: string
  readonly graph: Graph
  /** What `register` gave it. */
  readonly position: number
  /** Set while it waits for its turn in a tick. */
  scheduled: boolean
  readonly changes: readonly unknown[]
  /** Its turn in a tick: works off what has been put on it and publishes what came of it. */
  update(): void
  /** Ends the tick for it: who has to hear of what. Calls nothing yet. */
  takeDeliveries(): (() => void)[]
  /** Conflicts that arose in it, not in what it is made from. */
  ownConflicts(): readonly Conflict[]
}

/** A listener's call that is due. */
interface Delivery {
  readonly to: string
  readonly call: () => void
}

/**
 * The world of one set of collections. Every change goes through it as a tick: synchronous, every affected
 * collection once, in an order in which nobody reads what is still to change; then the listeners are called.
 */
export class Graph {
  readonly counters: GraphCounters = { ticks: 0, plans: 0, wholeReads: 0, changes: 0 }
  private readonly collections: Member[] = []
  private readonly names = new Set<string>()
  private readonly defectListeners = new Set<(error: DeriveError) => void>()
  private readonly tickListeners = new Set<() => void>()
  private readonly standing = new Map<object, DeriveError>()
  private readonly untold: DeriveError[] = []
  private unheard: DeriveError | undefined
  private readonly maxTicks: number
  private batches = 0
  /** `planning`: plans run, nothing may be written. `telling`: listeners run, writes wait for the next tick. */
  private phase: 'idle' | 'planning' | 'telling' = 'idle'
  private pending = false

  constructor(options: GraphOptions = {}) {
    this.maxTicks = options.maxTicks ?? 100
  }

  source<T>(name: string): Source<T> {
    return new SourceCollection<T>(this, name)
  }

  /**
   * Everything written in `fn` is one tick, at its end; until then all collections, sources included, show the state
   * from before. It is no transaction: if `fn` throws, what it wrote until then is carried out.
   */
  batch(fn: () => void): void {
    this.batches += 1
    try {
      fn()
    } finally {
      this.batches -= 1
      this.settle()
    }
  }

  /**
   * Hears of every plan, index function or listener that throws. While nobody listens, the write that led to the
   * defect throws the first one instead, after everything else has been carried out.
   */
  onDefect(listener: (error: DeriveError) => void): () => void {
    this.defectListeners.add(listener)
    return () => this.defectListeners.delete(listener)
  }

  /** Calls `listener` after each tick, when all subscribers have been called: for looking at `conflicts`. */
  onTick(listener: () => void): () => void {
    this.tickListeners.add(listener)
    return () => this.tickListeners.delete(listener)
  }

  /** The plans that failed at their last run and stand by what they yielded before. */
  defects(): readonly DeriveError[] {
    return [...this.standing.values()]
  }

  /** The conflicts of all collections. */
  conflicts(): readonly Conflict[] {
    return this.collections.flatMap(collection => collection.ownConflicts())
  }

  /** For collections: takes a place in the order. */
  register(collection: Member): number {
    if (this.phase === 'planning') throw impure(collection.name, 'a collection is made')
    if (this.names.has(collection.name)) throw nameTaken(collection.name)
    this.names.add(collection.name)
    return this.collections.push(collection) - 1
  }

  /** For new collections: derives the present state, which is nobody's change. */
  initialise(collection: Member): void {
    const phase = this.phase
    this.phase = 'planning'
    try {
      collection.update()
    } finally {
      collection.takeDeliveries()
      this.phase = phase
    }
    this.settle()
  }

  /** For sources, around every write: refuses it while plans run, and sees to the tick. */
  write(source: Member, fn: () => void): void {
    if (this.phase === 'planning') throw impure(source.name, 'a source is written')
    fn()
    this.schedule(source)
    this.pending = true
    this.settle()
  }

  /** For collections: gives one its turn in the present or next tick. */
  schedule(collection: Member): void {
    collection.scheduled = true
  }

  /** For collections: records that the work of `holder` (an input item) failed, or, without an error, succeeds. */
  report(holder: object, error?: DeriveError): void {
    if (error === undefined) {
      this.standing.delete(holder)
      return
    }
    this.standing.set(holder, error)
    this.tell(error)
  }

  /** For collections: a defect that has no later success to clear it. Listeners hear of it after the tick. */
  tell(error: DeriveError): void {
    this.untold.push(error)
  }

  private settle(): void {
    if (this.batches > 0 || this.phase !== 'idle') return
    for (let ticks = 0; this.pending || this.untold.length > 0; ticks++) {
      if (ticks === this.maxTicks) throw feedback(this.waiting(), ticks)
      try {
        const deliveries = this.pending ? this.tick() : []
        this.phase = 'telling'
        this.deliver(deliveries)
      } finally {
        this.phase = 'idle'
      }
    }
    this.throwUnheard()
  }

  /** Brings everything up to date and gives the calls that are due. */
  private tick(): Delivery[] {
    this.pending = false
    this.phase = 'planning'
    this.counters.ticks += 1
    const changed: Member[] = []
    for (const collection of this.collections) {
      if (!collection.scheduled) continue
      collection.scheduled = false
      collection.update()
      if (collection.changes.length > 0) changed.push(collection)
    }
    // When nobody reads the changes of another any more.
    const deliveries: Delivery[] = []
    for (const collection of changed) {
      for (const call of collection.takeDeliveries()) deliveries.push({ to: collection.name, call })
    }
    for (const listener of this.tickListeners) deliveries.push({ to: 'ticks', call: listener })
    return deliveries
  }

  /** A listener that fails must not keep the others from hearing. */
  private deliver(deliveries: readonly Delivery[]): void {
    for (const { to, call } of deliveries) {
      try {
        call()
      } catch (error) {
        this.tell(defect(`listener of ${to}`, to, '', error))
      }
    }
    for (const error of this.untold.splice(0)) {
      if (this.defectListeners.size === 0) this.unheard ??= error
      for (const listener of this.defectListeners) listener(error)
    }
  }

  private waiting(): string[] {
    return this.collections.filter(collection => collection.scheduled).map(collection => collection.name)
  }

  private throwUnheard(): void {
    const error = this.unheard
    this.unheard = undefined
    if (error !== undefined) throw error
  }
}
