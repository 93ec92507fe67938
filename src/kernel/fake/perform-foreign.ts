import { type Entry, entryKey } from '../entry.ts'
import { tableKey } from '../kinds/nft-table.ts'
import type { ObservedEntry } from '../operation.ts'
import type { FakeKernel } from './fake-kernel.ts'
import type { FakeNamespace } from './fake-namespace.ts'
import type { ForeignAct, ForeignLinkChanges } from './foreign-act.ts'
import { flushChains } from './iptables.ts'
import { renameLink } from './link-renaming.ts'
import { changeLink, release } from './link-settings.ts'
import { recreateLink } from './links.ts'
import { editTable } from './nft.ts'
import { Refusal } from './refusal.ts'

/** Another program acts in a fake namespace. Returns the errno with which the kernel refuses, if it does. */
export function performForeign({ namespace }: FakeKernel, act: ForeignAct): string | undefined {
  try {
    carryOut(namespace, act)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error.errno
    throw error
  }
}

function carryOut(namespace: FakeNamespace, act: ForeignAct): void {
  switch (act.act) {
    case 'add':
      return add(namespace, act.entry, act.over ?? false)
    case 'remove':
      return remove(namespace, act.entry)
    case 'set-link':
      return setLink(namespace, act.name, act.changes)
    case 'rename':
      return renameLink(namespace, act.name, act.to)
    case 'recreate':
      return recreateLink(namespace, act.name)
    case 'flush-routes':
      if (act.link !== undefined) namespace.needLink(act.link)
      return flush(namespace, ({ entry, mark }) =>
        entry.kind === 'route' && act.link === undefined ? mark === 'ours' : isOn(entry, 'route', act.link),
      )
    case 'flush-addresses':
      namespace.needLink(act.link)
      return flush(namespace, ({ entry }) => isOn(entry, 'address', act.link))
    case 'flush-neighbours':
      namespace.needLink(act.link)
      return flush(namespace, ({ entry }) => isOn(entry, 'neighbour', act.link))
    case 'edit-table':
      return editTable(namespace, tableKey(act.family, act.table))
    case 'flush-iptables':
      return flushChains(namespace, act.family, act.table)
    case 'write-sysctl':
      return namespace.writeSysctl(act.path, act.value)
  }
}

function add(namespace: FakeNamespace, entry: Entry, over: boolean): void {
  if (entry.kind === 'link') namespace.createLink({ ...entry, up: false })
  else namespace.addObject(entry, 'foreign', over)
}

function remove(namespace: FakeNamespace, entry: Entry): void {
  namespace.deleteEntry(entry)
}

function setLink(namespace: FakeNamespace, name: string, { master, ...changes }: ForeignLinkChanges): void {
  changeLink(namespace, name, { ...changes, ...(master ? { master } : {}) })
  if (master === '') release(namespace, name)
}

function isOn(entry: Entry, kind: 'route' | 'address' | 'neighbour', link: string | undefined): boolean {
  return entry.kind === kind && entry.link === link
}

/** One after the other, as programs do: what went with another is not there any more. */
function flush(namespace: FakeNamespace, doomed: (observed: ObservedEntry) => boolean): void {
  for (const observed of [...namespace.entries()].filter(doomed)) {
    if (namespace.objects.all(entryKey(observed.entry)).includes(observed))
      namespace.deleteEntry(observed.entry)
  }
}
