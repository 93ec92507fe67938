import { type Few, membersOf, withMember, withoutMember } from './few.ts'
import type { OriginTrace } from './origin.ts'

/** Whoever must do work again when something it read has changed. */
export interface Dependent {
  invalidate(): void
}

/** Where watchpoints belong: what they stand for, by key. */
export interface Watched {
  /** Adds the sources of what one sees under `key`. */
  traceKey(key: string, trace: OriginTrace): void
  /** Nobody watches `key` any more. */
  forget(key: string): void
}

/**
 * One thing that a plan can have read: a key of a collection, a value of an index, or a whole collection. It exists
 * only while somebody has read it. There are many, so it holds nothing that it can share.
 */
export class Watchpoint {
  private readonly watched: Watched
  private readonly key: string
  private dependents: Few<Dependent>

  constructor(watched: Watched, key: string) {
    this.watched = watched
    this.key = key
  }

  trace(trace: OriginTrace): void {
    this.watched.traceKey(this.key, trace)
  }

  trip(): void {
    for (const dependent of membersOf(this.dependents)) dependent.invalidate()
  }

  add(dependent: Dependent): void {
    this.dependents = withMember(this.dependents, dependent)
  }

  remove(dependent: Dependent): void {
    this.dependents = withoutMember(this.dependents, dependent)
    if (this.dependents === undefined) this.watched.forget(this.key)
  }
}

/** The watchpoints of one collection's keys or one index's values. */
export class Watchpoints implements Watched {
  private readonly points = new Map<string, Watchpoint>()
  private readonly trace: (key: string, trace: OriginTrace) => void

  constructor(trace: (key: string, trace: OriginTrace) => void) {
    this.trace = trace
  }

  at(key: string): Watchpoint {
    const known = this.points.get(key)
    if (known !== undefined) return known
    const point = new Watchpoint(this, key)
    this.points.set(key, point)
    return point
  }

  trip(key: string): void {
    this.points.get(key)?.trip()
  }

  traceKey(key: string, trace: OriginTrace): void {
    this.trace(key, trace)
  }

  forget(key: string): void {
    this.points.delete(key)
  }
}
