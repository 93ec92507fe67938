import type { Entry } from './entry.ts'
import { rulesOf } from './kinds/index.ts'

/** Which entries hang on which: from the key of a link or nft table to the keys of its children. */
export class ChildIndex {
  private readonly children = new Map<string, Set<string>>()

  add(key: string, entry: Entry): void {
    for (const parent of rulesOf(entry).parents(entry)) {
      const known = this.children.get(parent.key)
      if (known === undefined) this.children.set(parent.key, new Set([key]))
      else known.add(key)
    }
  }

  delete(key: string, entry: Entry): void {
    for (const parent of rulesOf(entry).parents(entry)) {
      const known = this.children.get(parent.key)
      if (known?.delete(key) && known.size === 0) this.children.delete(parent.key)
    }
  }

  of(parentKey: string): Iterable<string> {
    return this.children.get(parentKey) ?? []
  }

  clear(): void {
    this.children.clear()
  }
}
