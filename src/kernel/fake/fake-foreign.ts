import { entryKey } from '../entry.ts'
import type { Foreign } from '../kernel-suite.ts'
import type { FakeKernel } from './fake-kernel.ts'

/** Another program in a fake namespace. */
export function fakeForeign({ namespace }: FakeKernel): Foreign {
  return {
    addDevice: name => namespace.createDevice(name),
    add(entry, replace = false) {
      if (entry.kind === 'link') namespace.createLink(entry, 'foreign')
      else namespace.addObject(entry, 'foreign', replace)
    },
    remove(entry) {
      if (entry.kind === 'link') namespace.deleteLink(entry.name)
      else namespace.deleteObject(entryKey(entry))
    },
    setLink: (name, changes) =>
      namespace.changeLink({ kind: 'link', type: 'device', name, claim: 'use', owner: '', ...changes }),
    rename: (from, to) => namespace.renameLink(from, to),
    flushOurRoutes() {
      for (const { entry, mark } of namespace.entries()) {
        if (entry.kind === 'route' && mark === 'ours') namespace.deleteObject(entryKey(entry))
      }
    },
    editTable: table => namespace.editTable(entryKey(table)),
  }
}
