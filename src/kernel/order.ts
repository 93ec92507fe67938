import { type Entry, entryKey } from './entry.ts'
import { rulesOf } from './kinds/index.ts'

/**
 * Sorts what carries an entry so that everything comes after what it depends on: links before what is on them,
 * masters before ports, devices before what stacks on them, gateways' routes before routes with gateways.
 * Otherwise the order stays. Reverse it for deletion.
 */
export function sortForCreation<T extends { readonly entry: Entry }>(items: readonly T[]): T[] {
  const ranked = items
    .map(item => ({ item, rules: rulesOf(item.entry) }))
    .map(({ item, rules }) => ({ item, rank: rules.rank, tier: rules.tier(item.entry) }))
    .toSorted((a, b) => a.rank - b.rank || a.tier - b.tier)
  const firstOther = ranked.findIndex(({ rank }) => rank > 0)
  const linkCount = firstOther === -1 ? ranked.length : firstOther
  const sorted = ranked.map(({ item }) => item)
  return [...parentsFirst(sorted.slice(0, linkCount)), ...sorted.slice(linkCount)]
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
