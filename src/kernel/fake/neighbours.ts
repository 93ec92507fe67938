import { familyOf } from '../../ip/index.ts'
import { entryKey, type NeighbourEntry } from '../entry.ts'
import { linkKey } from '../kinds/rules.ts'
import type { FakeNamespace, Mark } from './fake-namespace.ts'
import { refuse } from './refusal.ts'

/** A program that replaces one and gives no protocol leaves that, and with it the mark, as it is (neigh_add). */
export function addNeighbour(
  namespace: FakeNamespace,
  entry: NeighbourEntry,
  mark: Mark,
  replace: boolean,
): void {
  namespace.needLink(entry.link)
  const before = namespace.objects.get(entryKey(entry))
  if (before !== undefined && !replace) refuse('EEXIST', `${entryKey(entry)} exists`)
  namespace.put({ entry, mark: before?.mark === 'ours' ? 'ours' : mark }, before)
}

export function deleteNeighbour(namespace: FakeNamespace, entry: NeighbourEntry): void {
  namespace.needLink(entry.link)
  const key = entryKey(entry)
  namespace.drop(namespace.objects.get(key) ?? refuse('ENOENT', `there is no ${key}`))
}

/** Also permanent ones: neigh_ifdown, neigh_changeaddr. */
export function loseNeighbours(namespace: FakeNamespace, link: string, family?: 4 | 6): void {
  for (const seen of namespace.objects.childrenOf(linkKey(link))) {
    if (seen.entry.kind !== 'neighbour') continue
    if (family === undefined || familyOf(seen.entry.address) === family) namespace.drop(seen)
  }
}
