import type { Kernel, KernelEvent } from '../../kernel/index.ts'

/**
 * Calls `look` after each change of the kernel that may concern the uplink, once for many that come together.
 *
 * @param device the uplink, as far as it is known: pods' links come and go by the thousand, and none of them matters
 */
export function watchUplink(
  kernel: Pick<Kernel, 'watch'>,
  device: () => string | undefined,
  look: () => void,
): () => void {
  let due = false
  return kernel.watch(event => {
    if (due || !concernsUplink(event, device())) return
    due = true
    queueMicrotask(() => {
      due = false
      look()
    })
  })
}

function concernsUplink(event: KernelEvent, device: string | undefined): boolean {
  switch (event.event) {
    case 'set': {
      const { entry } = event.observed
      if (entry.kind === 'link') return device === undefined || entry.name === device
      return entry.kind === 'address' && (device === undefined || entry.link === device)
    }
    case 'gone':
      return device === undefined ? isLinkOrAddress(event.key) : names(event.key, device)
    case 'parent-gone':
      return device === undefined || names(event.parent, device)
    case 'replace':
      return event.scope.kind === 'link' || event.scope.kind === 'address'
    case 'resync':
      return true
  }
}

function isLinkOrAddress(key: string): boolean {
  return key.startsWith('link ') || key.startsWith('address ')
}

/** Keys as `entryKey` makes them: `link eth0`, `address 10.0.0.1/24 dev eth0`. */
function names(key: string, device: string): boolean {
  return key === `link ${device}` || (key.startsWith('address ') && key.endsWith(` dev ${device}`))
}
