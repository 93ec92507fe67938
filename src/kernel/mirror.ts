import { settle } from '../base/index.ts'
import { familyOf } from '../ip/index.ts'
import { ChildIndex } from './child-index.ts'
import { type Entry, entryKey } from './entry.ts'
import { rulesOf } from './kinds/index.ts'
import type { KernelEvent, ObservedEntry, ReplaceScope } from './operation.ts'

/** Entries between two breaths of the event loop. */
const BREATH = 1000

/**
 * What a namespace holds, as far as is known: the last dump folded with every event since. Reading it costs the
 * kernel nothing, which is what keeps the work per event independent of the size of the cluster.
 */
export class Mirror {
  private readonly known = new Map<string, ObservedEntry>()
  private readonly childIndex = new ChildIndex()
  /** Of addresses alone: a bridge has hundreds of ports. */
  private readonly addressIndex = new ChildIndex()
  /** Of kinds that supersede: who occupies what. */
  private readonly occupants = new Map<string, string>()

  get(key: string): ObservedEntry | undefined {
    return this.known.get(key)
  }

  entries(): Iterable<ObservedEntry> {
    return this.known.values()
  }

  keys(): Iterable<string> {
    return this.known.keys()
  }

  get size(): number {
    return this.known.size
  }

  childrenOf(parentKey: string): Iterable<string> {
    return this.childIndex.of(parentKey)
  }

  /** Keys of the addresses that a link has. */
  addressesOf(linkKey: string): Iterable<string> {
    return this.addressIndex.of(linkKey)
  }

  /** A mirror of a dump. Breathes now and then: there may be many thousands of entries. */
  static async of(observed: readonly ObservedEntry[]): Promise<Mirror> {
    const mirror = new Mirror()
    for (const [i, item] of observed.entries()) {
      mirror.set(item, true)
      if (i % BREATH === BREATH - 1) await settle()
    }
    return mirror
  }

  /** Folds one event in and returns the keys it may have touched. `resync` touches nothing: observe again. */
  fold(event: KernelEvent): readonly string[] {
    switch (event.event) {
      case 'set':
        return this.set(event.observed, event.beside ?? false)
      case 'gone':
        return this.forget(event.key, event.mark) ? [event.key] : []
      case 'parent-gone':
        return this.parentGone(event.parent)
      case 'replace':
        return this.replace(event.scope, event.entries)
      case 'resync':
        return []
    }
  }

  /** `beside`: what was under the key may still be there (`ip route append`). */
  private set(observed: ObservedEntry, beside: boolean): readonly string[] {
    const key = entryKey(observed.entry)
    const before = this.known.get(key)
    const next = beside && before !== undefined ? sideBySide(before, observed) : observed
    this.put(key, before, next)
    // Another one beside ours changes nothing for us.
    if (next.entry !== observed.entry) return []
    const touched = [key]
    if (rulesOf(next.entry).supersedes) this.supersede(key, next.entry, touched)
    return touched
  }

  private put(key: string, before: ObservedEntry | undefined, next: ObservedEntry): void {
    if (before !== undefined) this.unindex(key, before.entry)
    this.known.set(key, next)
    this.childIndex.add(key, next.entry)
    if (next.entry.kind === 'address') this.addressIndex.add(key, next.entry)
  }

  private unindex(key: string, entry: Entry): void {
    this.childIndex.delete(key, entry)
    if (entry.kind === 'address') this.addressIndex.delete(key, entry)
  }

  /** Adds the keys of what had to make room to `touched`. */
  private supersede(key: string, entry: Entry, touched: string[]): void {
    for (const token of rulesOf(entry).occupies(entry)) {
      const previous = this.occupants.get(token)
      this.occupants.set(token, key)
      if (previous !== undefined && previous !== key && this.forget(previous)) touched.push(previous)
    }
  }

  private forget(key: string, mark?: ObservedEntry['mark']): boolean {
    const before = this.known.get(key)
    if (before === undefined) return false
    if (mark !== undefined && before.beside !== undefined) {
      const { beside, ...alone } = before
      this.put(key, before, mark === before.mark ? { entry: beside, mark: 'foreign' } : alone)
      return true
    }
    if (mark !== undefined && before.mark !== mark) return false
    this.known.delete(key)
    this.unindex(key, before.entry)
    const rules = rulesOf(before.entry)
    if (!rules.supersedes) return true
    for (const token of rules.occupies(before.entry)) {
      if (this.occupants.get(token) === key) this.occupants.delete(token)
    }
    return true
  }

  private parentGone(parent: string): readonly string[] {
    const touched: string[] = []
    for (const key of this.childIndex.of(parent)) {
      const entry = this.known.get(key)?.entry
      const bond =
        entry &&
        rulesOf(entry)
          .parents(entry)
          .find(({ key }) => key === parent)?.bond
      if (bond !== undefined && bond !== 'loose' && this.forget(key))
        touched.push(key, ...this.parentGone(key))
    }
    return touched
  }

  private replace(scope: ReplaceScope, entries: readonly ObservedEntry[]): readonly string[] {
    const present = new Set(entries.map(({ entry }) => entryKey(entry)))
    const candidates = scope.parent === undefined ? this.known.keys() : this.childIndex.of(scope.parent)
    const touched: string[] = []
    for (const key of candidates) {
      const observed = this.known.get(key)
      if (observed === undefined || present.has(key) || !inScope(scope, observed)) continue
      if (this.forget(key)) touched.push(key)
    }
    for (const observed of entries) touched.push(...this.set(observed, true))
    return touched
  }
}

/** Of two objects under one key ours is the one to know, since it is the one that must stay. */
function sideBySide(before: ObservedEntry, observed: ObservedEntry): ObservedEntry {
  if (before.mark === observed.mark) {
    return before.beside === undefined ? observed : { ...observed, beside: before.beside }
  }
  const [ours, foreign] = before.mark === 'ours' ? [before, observed] : [observed, before]
  return { ...ours, beside: foreign.entry }
}

function inScope(scope: ReplaceScope, { entry, mark }: ObservedEntry): boolean {
  if (entry.kind !== scope.kind) return false
  if (scope.mark !== undefined && scope.mark !== mark) return false
  if (scope.family === undefined) return true
  if (entry.kind === 'iptables-chain') return scope.family === entry.family
  return entry.kind !== 'route' || scope.family === familyOf(entry.dst)
}
