import { entryKey, type IptablesChainEntry, type IptablesTable } from '../entry.ts'
import type { FakeNamespace } from './fake-namespace.ts'
import { refuse } from './refusal.ts'

/** A chain whose name has our prefix is ours, whoever made it. */
export function addChain(namespace: FakeNamespace, chain: IptablesChainEntry, replace: boolean): void {
  const key = entryKey(chain)
  const before = namespace.objects.get(key)
  if (before !== undefined && !replace) refuse('EEXIST', `${key} exists`)
  namespace.put({ entry: chain, mark: 'ours' }, before)
}

export function deleteChain(namespace: FakeNamespace, chain: IptablesChainEntry): void {
  const key = entryKey(chain)
  namespace.drop(namespace.objects.get(key) ?? refuse('ENOENT', `there is no ${key}`))
}

/** `iptables -t TABLE -F`: chains stay, and are empty; nothing leads there. */
export function flushChains(namespace: FakeNamespace, family: 4 | 6, table: IptablesTable): void {
  for (const seen of namespace.entries()) {
    const { entry } = seen
    if (entry.kind !== 'iptables-chain' || entry.family !== family || entry.table !== table) continue
    namespace.put({ ...seen, entry: { ...entry, rules: [], jumps: [] } }, seen)
  }
}
