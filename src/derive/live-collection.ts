import type { Change, Collection, Conflict, Origin } from './collection.ts'
import type { Graph, Member } from './graph.ts'
import { OriginTrace } from './origin.ts'
import { compareText } from './value.ts'
import { Watchpoint, Watchpoints } from './watchpoint.ts'

/** What a collection keeps up to date beside its values. */
export interface Companion<T> {
  apply(changes: readonly Change<T>[]): void
}

/**
 * The part that sources and derived collections share: values, subscribers, and who has read what.
 *
 * `position` is the place in the order of making. A collection reads only older ones, so this order is topological
 * and there can be no cycle.
 */
export abstract class LiveCollection<T> implements Collection<T>, Member {
  readonly name: string
  readonly graph: Graph
  readonly position: number
  scheduled = false
  /** What the present tick has changed so far; empty between ticks. */
  changes: readonly Change<T>[] = []
  protected readonly values = new Map<string, T>()
  private readonly listeners = new Set<(changes: readonly Change<T>[]) => void>()
  private readonly keys = new Watchpoints((key, trace) => this.trace(key, trace))
  private wholeWatch: Watchpoint | undefined
  private readonly companions: Companion<T>[] = []
  private readonly followers: Member[] = []
  private sorted: readonly [string, T][] | undefined

  constructor(graph: Graph, name: string) {
    this.graph = graph
    this.name = name
    this.position = graph.register(this)
  }

  get size(): number {
    return this.values.size
  }

  get(key: string): T | undefined {
    return this.values.get(key)
  }

  entries(): Iterable<[string, T]> {
    return this.values.entries()
  }

  subscribe(listener: (changes: readonly Change<T>[]) => void): () => void {
    // Wrapped, so that one function subscribed twice is two subscriptions.
    const own = (changes: readonly Change<T>[]) => listener(changes)
    this.listeners.add(own)
    return () => this.listeners.delete(own)
  }

  origin(key: string): readonly Origin[] {
    const trace = new OriginTrace()
    this.trace(key, trace)
    return trace.origins
  }

  abstract conflicts(): readonly Conflict<T>[]
  abstract ownConflicts(): readonly Conflict<T>[]
  abstract update(): void
  /** Adds the source items behind one key. */
  abstract trace(key: string, trace: OriginTrace): void

  /** Schedules `follower` whenever anything here changes. */
  follow(follower: Member): void {
    this.followers.push(follower)
  }

  attach(companion: Companion<T>): void {
    this.companions.push(companion)
  }

  watchKey(key: string): Watchpoint {
    return this.keys.at(key)
  }

  watchAll(): Watchpoint {
    this.wholeWatch ??= new Watchpoint(
      {
        traceKey: (_key, trace) => {
          for (const [key] of this.inOrder()) this.trace(key, trace)
        },
        forget: () => {
          this.wholeWatch = undefined
        },
      },
      '',
    )
    return this.wholeWatch
  }

  /** All entries by key, so that a plan's result cannot depend on the order of events. */
  inOrder(): readonly [string, T][] {
    this.sorted ??= [...this.values].sort(([a], [b]) => compareText(a, b))
    return this.sorted
  }

  takeDeliveries(): (() => void)[] {
    const { changes } = this
    this.changes = []
    return [...this.listeners].map(listener => () => {
      // It may have been ended by another listener of the same tick.
      if (this.listeners.has(listener)) listener(changes)
    })
  }

  /** Shows younger collections what has changed in `values`, and schedules those that it concerns. */
  protected publish(changes: readonly Change<T>[]): void {
    if (changes.length === 0) return
    this.changes = Object.freeze(changes)
    this.sorted = undefined
    for (const { key } of changes) this.keys.trip(key)
    for (const companion of this.companions) companion.apply(changes)
    this.wholeWatch?.trip()
    for (const follower of this.followers) this.graph.schedule(follower)
    this.graph.counters.changes += changes.length
  }
}

/** Builds a change without naming the absent side. */
export function changeOf<T>(key: string, before: T | undefined, after: T | undefined): Change<T> {
  if (before === undefined) return after === undefined ? { key } : { key, after }
  return after === undefined ? { key, before } : { key, before, after }
}
