import type { Origin } from './collection.ts'

/** Gathers source items on the way up through the graph; each item of each collection is visited once. */
export class OriginTrace {
  readonly origins: Origin[] = []
  private readonly visited = new Map<string, Set<string>>()

  /** True the first time. */
  visit(collection: string, key: string): boolean {
    const keys = this.visited.get(collection) ?? new Set()
    this.visited.set(collection, keys)
    if (keys.has(key)) return false
    keys.add(key)
    return true
  }
}
