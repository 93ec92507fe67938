import type { Kernel, KernelEvent, ObservedEntry } from '../../kernel/index.ts'

/** True if what the kernel tells can change which device is the uplink, or its addresses or MTU. */
function concernsUplink(event: KernelEvent): boolean {
  switch (event.event) {
    case 'set':
      return isLinkOrAddress(event.observed)
    case 'gone':
      return event.key.startsWith('link ') || event.key.startsWith('address ')
    case 'parent-gone':
    case 'resync':
      return true
    case 'replace':
      return event.scope.kind === 'link' || event.scope.kind === 'address'
  }
}

function isLinkOrAddress({ entry }: ObservedEntry): boolean {
  return entry.kind === 'link' || entry.kind === 'address'
}

/** Calls `look` after each change that may concern the uplink, once for many that come together. */
export function watchUplink(kernel: Pick<Kernel, 'watch'>, look: () => void): () => void {
  let due = false
  return kernel.watch(event => {
    if (due || !concernsUplink(event)) return
    due = true
    queueMicrotask(() => {
      due = false
      look()
    })
  })
}
