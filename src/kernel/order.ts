import { type Entry, entryKey } from './entry.ts'
import { rulesOf } from './kinds/index.ts'

/** `KindRules.rank` of links. */
const LINKS = 0

/**
 * Sorts what carries an entry so that everything comes after what it depends on: rules before the links whose packets
 * they judge, links before what is on them, masters before ports, devices before what stacks on them, gateways' routes
 * before routes with gateways. Otherwise the order stays. Reverse it for deletion.
 */
export function sortForCreation<T extends { readonly entry: Entry }>(items: readonly T[]): T[] {
  const ranked = items
    .map(item => ({ item, rules: rulesOf(item.entry) }))
    .map(({ item, rules }) => ({ item, rank: rules.rank, tier: rules.tier(item.entry) }))
    .toSorted((a, b) => a.rank - b.rank || a.tier - b.tier)
  const itemsOf = (belongs: (rank: number) => boolean) =>
    ranked.filter(({ rank }) => belongs(rank)).map(({ item }) => item)
  return [
    ...itemsOf(rank => rank < LINKS),
    ...parentsFirst(itemsOf(rank => rank === LINKS)),
    ...itemsOf(rank => rank > LINKS),
  ]
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
