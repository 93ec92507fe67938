import type { Collection, Conflict } from './collection.ts'
import { changeOf, LiveCollection } from './live-collection.ts'
import type { OriginTrace } from './origin.ts'
import { deepFreeze, sameValue } from './value.ts'

/**
 * A collection that is written from outside. Values become frozen, deeply. Outside a batch each write is a tick;
 * writing what is there already changes nothing. A write shows when its tick has come: in a batch at its end, in a
 * listener after the listeners of the present tick.
 */
export interface Source<T> extends Collection<T> {
  set(key: string, value: T): void
  delete(key: string): void
  /** Makes these the only items; what is the same by value does not count as changed. A later duplicate wins. */
  replace(all: Iterable<readonly [string, T]>): void
}

/** Made by `Graph.source`. */
export class SourceCollection<T> extends LiveCollection<T> implements Source<T> {
  /** What the next tick will do; undefined deletes. */
  private readonly written = new Map<string, T | undefined>()

  set(key: string, value: T): void {
    this.graph.write(this, () => this.written.set(key, deepFreeze(value)))
  }

  delete(key: string): void {
    this.graph.write(this, () => this.written.set(key, undefined))
  }

  replace(all: Iterable<readonly [string, T]>): void {
    const next = new Map(all)
    this.graph.write(this, () => {
      this.written.clear()
      for (const key of this.values.keys()) if (!next.has(key)) this.written.set(key, undefined)
      for (const [key, value] of next) this.written.set(key, deepFreeze(value))
    })
  }

  update(): void {
    const changes = []
    for (const [key, after] of this.written) {
      const before = this.values.get(key)
      if (sameValue(before, after)) continue
      changes.push(changeOf(key, before, after))
      if (after === undefined) this.values.delete(key)
      else this.values.set(key, after)
    }
    this.written.clear()
    this.publish(changes)
  }

  trace(key: string, trace: OriginTrace): void {
    if (this.values.has(key) && trace.visit(this.name, key)) {
      trace.origins.push({ collection: this.name, key })
    }
  }

  /** A source has one writer per key, whatever it writes. */
  conflicts(): readonly Conflict<T>[] {
    return []
  }

  ownConflicts(): readonly Conflict<T>[] {
    return []
  }
}
