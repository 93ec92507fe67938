import { entryKey, type FdbEntry } from '../entry.ts'
import { linkKey } from '../kinds/rules.ts'
import type { ObservedEntry } from '../operation.ts'
import type { FakeNamespace, Mark } from './fake-namespace.ts'
import { refuse } from './refusal.ts'

const EVERYBODY = '00:00:00:00:00:00'

/**
 * `bridge fdb add`, our `append` for the MAC of zeros, or `replace` (vxlan_fdb_update): a vxlan link has one destination
 * per unicast MAC.
 */
export function addFdb(namespace: FakeNamespace, entry: FdbEntry, mark: Mark, replace: boolean): void {
  checkVxlan(namespace, entry)
  const others = entriesOf(namespace, entry)
  const before = others.find(({ entry: other }) => entryKey(other) === entryKey(entry))
  if (entry.mac !== EVERYBODY) {
    if (others.length > 0 && !replace) refuse('EEXIST', `${entry.mac} has a destination`)
    for (const other of others) if (other !== before) namespace.drop(other)
  } else if (mark === 'foreign' && others.length > 0 && !replace) refuse('EEXIST', 'there is one already')
  // vxlan_fdb_update: only changes unicast entries.
  if (entry.mac === EVERYBODY && replace) refuse('EOPNOTSUPP', 'only the destination of one MAC is replaced')
  if (before === undefined) namespace.put({ entry, mark: 'foreign' })
}

/** `bridge fdb delete`: of a MAC with other destinations nothing goes, and that is no error. */
export function deleteFdb(namespace: FakeNamespace, entry: FdbEntry): void {
  checkVxlan(namespace, entry)
  const others = entriesOf(namespace, entry)
  if (others.length === 0) refuse('ENOENT', `there is no ${entryKey(entry)}`)
  const found = others.find(({ entry: other }) => entryKey(other) === entryKey(entry))
  if (found !== undefined) namespace.drop(found)
}

function checkVxlan(namespace: FakeNamespace, { link, mac }: FdbEntry): void {
  if (namespace.needLink(link).type === 'vxlan') return
  if (mac === EVERYBODY) refuse('EINVAL', 'invalid address')
  refuse('EOPNOTSUPP', `${link} is not a vxlan link`)
}

function entriesOf(namespace: FakeNamespace, { link, mac }: FdbEntry): ObservedEntry[] {
  const children = namespace.objects.childrenOf(linkKey(link))
  return children.filter(({ entry }) => entry.kind === 'fdb' && entry.mac === mac)
}
