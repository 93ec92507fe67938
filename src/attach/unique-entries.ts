import { type Entry, entryKey } from '../kernel/index.ts'

/** Of several for one kernel object the first counts. */
export function uniqueEntries<E extends Entry>(entries: readonly E[]): readonly E[] {
  if (entries.length < 2) return entries
  const first = new Map<string, E>()
  for (const entry of entries) {
    const key = entryKey(entry)
    if (!first.has(key)) first.set(key, entry)
  }
  return [...first.values()]
}
