import { type Entry, entryKey } from './entry.ts'
import { rulesOf } from './kinds/index.ts'

/**
 * Sorts what carries an entry so that everything comes after what it depends on: rules before the links whose packets
 * they judge, links before what is on them, masters before ports, devices before what stacks on them, gateways' routes
 * before routes with gateways. Otherwise the order stays. Reverse it for deletion.
 */
export function sortForCreation<T extends { readonly entry: Entry }>(items: readonly T[]): T[] {
  const sorted = items.toSorted((a, b) => compareEntries(a.entry, b.entry))
  const links = sorted.filter(isLink)
  if (links.length < 2) return sorted
  const first = sorted.findIndex(isLink)
  return sorted.slice(0, first).concat(parentsFirst(links), sorted.slice(first + links.length))
}

function compareEntries(a: Entry, b: Entry): number {
  const rules = rulesOf(a)
  const others = rulesOf(b)
  return rules.rank - others.rank || rules.tier(a) - others.tier(b)
}

/** Nothing else has the rank of links, so that they stand together. */
function isLink({ entry }: { readonly entry: Entry }): boolean {
  return entry.kind === 'link'
}

/** Depth first along `parents`; a cycle, which the kernel would refuse anyway, ends where it was entered. */
function parentsFirst<T extends { readonly entry: Entry }>(links: readonly T[]): T[] {
  const waiting = new Map<string, T[]>()
  for (const link of links) {
    const key = entryKey(link.entry)
    waiting.set(key, [...(waiting.get(key) ?? []), link])
  }
  const result: T[] = []
  const visit = (key: string): void => {
    const items = waiting.get(key)
    if (items === undefined) return
    waiting.delete(key)
    for (const item of items) {
      for (const parent of rulesOf(item.entry).parents(item.entry)) visit(parent.key)
    }
    result.push(...items)
  }
  for (const link of links) visit(entryKey(link.entry))
  return result
}
