import { type Entry, entryKey } from '../entry.ts'
import { rulesOf } from '../kinds/index.ts'
import type { ObservedEntry } from '../operation.ts'

/**
 * What is in a namespace. Under one key there may be several objects, in order: routes of one destination and metric
 * over different links, rules that differ only in their table.
 */
export class Objects {
  private readonly byKey = new Map<string, ObservedEntry[]>()
  private readonly byParent = new Map<string, Set<ObservedEntry>>()

  /** The first under the key: the one that counts. */
  get(key: string): ObservedEntry | undefined {
    return this.byKey.get(key)?.[0]
  }

  all(key: string): readonly ObservedEntry[] {
    return this.byKey.get(key) ?? []
  }

  *entries(): Iterable<ObservedEntry> {
    for (const objects of this.byKey.values()) yield* objects
  }

  /** What hangs on the link or nft table of this key, as it was when asked. */
  childrenOf(parent: string): readonly ObservedEntry[] {
    return [...(this.byParent.get(parent) ?? [])]
  }

  /** Behind what has the key already, or in the place of `before`. */
  add(observed: ObservedEntry, before?: ObservedEntry): void {
    const key = entryKey(observed.entry)
    const objects = this.byKey.get(key)
    if (before !== undefined) this.unlink(before)
    if (objects === undefined) this.byKey.set(key, [observed])
    else if (before === undefined) objects.push(observed)
    else objects[objects.indexOf(before)] = observed
    for (const parent of parentsOf(observed.entry)) {
      const children = this.byParent.get(parent)
      if (children === undefined) this.byParent.set(parent, new Set([observed]))
      else children.add(observed)
    }
  }

  remove(observed: ObservedEntry): void {
    const key = entryKey(observed.entry)
    const rest = this.all(key).filter(other => other !== observed)
    if (rest.length === 0) this.byKey.delete(key)
    else this.byKey.set(key, rest)
    this.unlink(observed)
  }

  private unlink(observed: ObservedEntry): void {
    for (const parent of parentsOf(observed.entry)) {
      const children = this.byParent.get(parent)
      if (children?.delete(observed) === true && children.size === 0) this.byParent.delete(parent)
    }
  }
}

function parentsOf(entry: Entry): string[] {
  return rulesOf(entry)
    .parents(entry)
    .map(({ key }) => key)
}
