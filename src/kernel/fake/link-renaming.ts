import { localDevice } from '../kinds/link.ts'
import { linkKey } from '../kinds/rules.ts'
import type { ObservedEntry } from '../operation.ts'
import type { FakeNamespace } from './fake-namespace.ts'
import { refuse } from './refusal.ts'
import { stackedOn } from './stacking.ts'

/** What hangs on a link is under other keys then, and what names it says the new name. */
export function renameLink(namespace: FakeNamespace, from: string, to: string): void {
  const seen = namespace.objects.get(linkKey(from))
  if (seen?.entry.kind !== 'link') return refuse('ENODEV', `there is no link ${from}`)
  if (from === to) return
  if (namespace.link(to) !== undefined) refuse('EEXIST', `link ${to} exists`)
  const uppers = stackedOn(namespace, from).filter(upper => upper.namespace !== namespace)
  const children = namespace.objects.childrenOf(linkKey(from))
  for (const child of children) namespace.objects.remove(child)
  namespace.drop(seen)
  namespace.put({ ...seen, entry: { ...seen.entry, name: to } })
  for (const child of children) namespace.put(renamed(child, from, to))
  move(namespace.traits, from, to)
  move(namespace.peers, from, to)
  move(namespace.devices, from, to)
  move(namespace.formerly, from, to)
  for (const upper of uppers) upper.namespace.devices.set(upper.name, { namespace, name: to })
  move(namespace.ingress, from, to)
  const peer = namespace.peers.get(to)
  peer?.namespace.peers.set(peer.name, { namespace, name: to })
  namespace.sysctls.rename(from, to)
  if (namespace.summing.delete(from)) namespace.summing.add(to)
  namespace.tellHole(`link ${from} was renamed to ${to}`)
}

function renamed(seen: ObservedEntry, from: string, to: string): ObservedEntry {
  const { entry } = seen
  if (entry.kind === 'redirect') {
    const redirect = { ...entry, link: entry.link === from ? to : entry.link }
    return { ...seen, entry: entry.to === from ? { ...redirect, to } : redirect }
  }
  if (entry.kind !== 'link') return 'link' in entry ? { ...seen, entry: { ...entry, link: to } } : seen
  const master = entry.master === from ? { master: to } : {}
  if ('device' in entry && localDevice(entry) === from)
    return { ...seen, entry: { ...entry, ...master, device: to } }
  return { ...seen, entry: { ...entry, ...master } }
}

function move<T>(map: Map<string, T>, from: string, to: string): void {
  const value = map.get(from)
  map.delete(from)
  if (value !== undefined) map.set(to, value)
}
