import type { Entry } from '../entry.ts'
import { isSetting, linkOfSetting } from '../kinds/setting.ts'
import type { Operation } from '../operation.ts'

/**
 * Positions in the plan at which links are set up: after the last of their settings (a link that is up for a moment
 * with `accept_ra` has listened), of their addresses (the carrier that comes with `up` keeps the kernel busy with the
 * link, and what follows waits for that) and of their queues (the kernel waits for whoever sends when it gives another
 * queue to a link that is up). Routes come after: their link must be up. Undefined: at once.
 */
export function upPositions(operations: readonly Operation[]): Map<Operation, number> {
  const lastSetting = new Map<string, number>()
  operations.forEach(({ entry, op }, i) => {
    if (op === 'delete') return
    const link = settingOf(entry)
    if (link !== undefined) lastSetting.set(link, i)
  })
  const positions = new Map<Operation, number>()
  operations.forEach((operation, i) => {
    const { entry, op } = operation
    if (entry.kind !== 'link' || entry.up !== true || (op !== 'create' && op !== 'change')) return
    if (operation.before?.kind === 'link' && op === 'change' && operation.before.up === true) return
    const last = lastSetting.get(entry.name)
    if (last !== undefined && last > i) positions.set(operation, last)
  })
  return positions
}

/** The link whose setting this is. */
function settingOf(entry: Entry): string | undefined {
  if (entry.kind === 'address' || entry.kind === 'qdisc') return entry.link
  return isSetting(entry) ? linkOfSetting(entry) : undefined
}
