import type { OriginTrace } from './origin.ts'

/** Whoever must do work again when something it read has changed. */
export interface Dependent {
  invalidate(): void
}

/**
 * One thing that a plan can have read: a key of a collection, a value of an index, or a whole collection. It exists
 * only while somebody has read it.
 */
export class Watchpoint {
  readonly dependents = new Set<Dependent>()
  /** Adds the sources of what one sees here. */
  readonly trace: (trace: OriginTrace) => void
  private readonly forget: () => void

  /** `forget` is called when the last dependent leaves. */
  constructor(trace: (trace: OriginTrace) => void, forget: () => void) {
    this.trace = trace
    this.forget = forget
  }

  trip(): void {
    for (const dependent of this.dependents) dependent.invalidate()
  }

  remove(dependent: Dependent): void {
    this.dependents.delete(dependent)
    if (this.dependents.size === 0) this.forget()
  }
}

/** The watchpoints of one collection's keys or one index's values. */
export class Watchpoints {
  private readonly points = new Map<string, Watchpoint>()
  private readonly trace: (key: string, trace: OriginTrace) => void

  constructor(trace: (key: string, trace: OriginTrace) => void) {
    this.trace = trace
  }

  at(key: string): Watchpoint {
    const known = this.points.get(key)
    if (known !== undefined) return known
    const point = new Watchpoint(
      trace => this.trace(key, trace),
      () => this.points.delete(key),
    )
    this.points.set(key, point)
    return point
  }

  trip(key: string): void {
    this.points.get(key)?.trip()
  }
}
