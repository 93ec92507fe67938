import { entryKey, type QdiscEntry, type RedirectEntry } from '../entry.ts'
import { keptQdisc } from '../kinds/qdisc.ts'
import type { FakeNamespace, Mark } from './fake-namespace.ts'
import { refuse } from './refusal.ts'

/** `tc qdisc add` or `replace`, of the root. What is replaced by its own kind keeps the handle, and with it the mark. */
export function addQdisc(namespace: FakeNamespace, entry: QdiscEntry, mark: Mark, replace: boolean): void {
  namespace.needLink(entry.link)
  const before = namespace.objects.get(entryKey(entry))
  if (before !== undefined && !replace) refuse('EEXIST', `${entry.link} has a qdisc`)
  const isSameKind = before?.entry.kind === 'qdisc' && before.entry.qdisc.type === entry.qdisc.type
  const kept = { ...entry, qdisc: keptQdisc(entry.qdisc) }
  namespace.put({ entry: kept, mark: isSameKind && mark === 'foreign' ? before.mark : mark }, before)
}

/** `tc qdisc delete`, with the handle if there is a mark. */
export function deleteQdisc(namespace: FakeNamespace, entry: QdiscEntry, mark: Mark | undefined): void {
  namespace.needLink(entry.link)
  const seen =
    namespace.objects.get(entryKey(entry)) ?? refuse('ENOENT', 'a link keeps the qdisc it has by itself')
  if (mark !== undefined && seen.mark !== mark)
    refuse('EINVAL', `the qdisc of ${entry.link} has another handle`)
  namespace.drop(seen)
}

/** `tc filter delete` and `add`, after `tc qdisc replace ... ingress`. */
export function addRedirect(namespace: FakeNamespace, entry: RedirectEntry): void {
  namespace.needLink(entry.link)
  namespace.needLink(entry.to)
  namespace.ingress.set(entry.link, 'filtered')
  namespace.put({ entry, mark: 'ours' }, namespace.objects.get(entryKey(entry)))
}

/** `tc filter delete`. One that leads nowhere, since the other link was deleted, is still there. */
export function deleteRedirect(namespace: FakeNamespace, entry: RedirectEntry): void {
  namespace.needLink(entry.link)
  const ingress = namespace.ingress.get(entry.link)
  if (ingress === undefined) refuse('EINVAL', `${entry.link} has no ingress qdisc`)
  if (ingress === 'empty') refuse('ENOENT', `${entry.link} redirects nothing`)
  namespace.ingress.set(entry.link, 'empty')
  const seen = namespace.objects.get(entryKey(entry))
  if (seen !== undefined) namespace.drop(seen)
}
