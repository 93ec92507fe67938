import { entryKey, type RuleEntry } from '../entry.ts'
import type { FakeNamespace, Mark } from './fake-namespace.ts'
import { refuse } from './refusal.ts'

/** `ip rule add`. Two may differ in nothing but the table, or in nothing but the mark, which is the protocol. */
export function addRule(namespace: FakeNamespace, entry: RuleEntry, mark: Mark): void {
  const key = entryKey(entry)
  for (const seen of namespace.objects.all(key)) {
    if (seen.entry.kind !== 'rule' || seen.entry.table !== entry.table || seen.mark !== mark) continue
    refuse('EEXIST', `${key} exists`)
  }
  namespace.put({ entry, mark })
}

/** `ip rule delete`, with the protocol if there is a mark. */
export function deleteRule(namespace: FakeNamespace, entry: RuleEntry, mark: Mark | undefined): void {
  const key = entryKey(entry)
  const found = namespace.objects.all(key).find(seen => {
    const isThat = seen.entry.kind === 'rule' && seen.entry.table === entry.table
    return isThat && (mark === undefined || seen.mark === mark)
  })
  namespace.drop(found ?? refuse('ENOENT', `there is no ${key}`))
}
