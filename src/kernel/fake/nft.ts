import { isDeepStrictEqual } from 'node:util'
import { entryKey, type NftElementEntry, type NftTableEntry } from '../entry.ts'
import { tableFingerprint, tableKey } from '../kinds/nft-table.ts'
import type { FakeNamespace, Mark } from './fake-namespace.ts'
import { refuse } from './refusal.ts'

/** `nft create table` with all that is in it; another program's `nft add table` finds one that exists good. */
export function addTable(namespace: FakeNamespace, table: NftTableEntry, mark: Mark): void {
  const key = entryKey(table)
  if (namespace.has(key)) {
    if (mark === 'foreign') return
    refuse('EEXIST', `${key} exists`)
  }
  if (mark === 'foreign') return namespace.put({ entry: { ...table, sets: [], chains: [] }, mark })
  // What rules say is known by their digests only.
  const chains = table.chains.map(chain => ({ ...chain, rules: [] }))
  namespace.put({ entry: { ...table, chains }, mark, fingerprint: tableFingerprint(table) })
}

/** `nft add element`: one that is there already is no error, unless a map has another value for the key. */
export function addElement(namespace: FakeNamespace, element: NftElementEntry): void {
  const key = entryKey(element)
  checkSet(namespace, element)
  const before = namespace.objects.get(key)?.entry
  if (before === undefined) return namespace.put({ entry: element, mark: 'ours' })
  const isSame = before.kind === 'nft-element' && isDeepStrictEqual(before.value, element.value)
  if (!isSame) refuse('EEXIST', `${key} exists`)
}

export function deleteNft(namespace: FakeNamespace, entry: NftTableEntry | NftElementEntry): void {
  const key = entryKey(entry)
  const seen = namespace.objects.get(key) ?? refuse('ENOENT', `there is no ${key}`)
  for (const child of namespace.objects.childrenOf(key)) namespace.drop(child)
  namespace.drop(seen)
}

/** Another program adds a rule to the first chain: the table no longer is what it was. */
export function editTable(namespace: FakeNamespace, key: string): void {
  const seen = namespace.objects.get(key)
  if (seen?.entry.kind !== 'nft-table' || seen.entry.chains.length === 0) {
    return refuse('ENOENT', `there is no chain in ${key}`)
  }
  namespace.put({ ...seen, fingerprint: 'edited by another program' }, seen)
}

function checkSet(namespace: FakeNamespace, { family, table, set }: NftElementEntry): void {
  const entry = namespace.objects.get(tableKey(family, table))?.entry
  if (entry?.kind === 'nft-table' && entry.sets.some(({ name }) => name === set)) return
  refuse('ENOENT', `there is no set ${set} in table ${family} ${table}`)
}
