import type { Foreign } from '../kernel-suite/harness.ts'
import type { FakeKernel } from './fake-kernel.ts'
import type { ForeignAct } from './foreign-act.ts'
import { performForeign } from './perform-foreign.ts'

/** Another program in a fake namespace, which gives up when it is refused. */
export function fakeForeign(kernel: FakeKernel): Foreign {
  const perform = (act: ForeignAct) => {
    const errno = performForeign(kernel, act)
    if (errno !== undefined) throw new Error(`${act.act}: ${errno}`)
  }
  return {
    addDevice: name => kernel.namespace.createDevice(name),
    add: (entry, over = false) => perform({ act: 'add', entry, over }),
    remove: entry => perform({ act: 'remove', entry }),
    setLink: (name, changes) => perform({ act: 'set-link', name, changes }),
    setTxChecksum: (link, on) => kernel.namespace.writeTxChecksum(link, on),
    rename: (name, to) => perform({ act: 'rename', name, to }),
    flushOurRoutes: () => perform({ act: 'flush-routes' }),
    flushIptables: ({ family, table }) => perform({ act: 'flush-iptables', family, table }),
    editTable: ({ family, name }) => perform({ act: 'edit-table', family, table: name }),
  }
}
