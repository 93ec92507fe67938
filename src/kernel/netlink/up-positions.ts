import { linkOfSysctl } from '../kinds/sysctl.ts'
import type { Operation } from '../operation.ts'

/**
 * Positions in the plan at which links are set up: after the last of their sysctls (a link that is up for a moment
 * with `accept_ra` has listened). Undefined: at once.
 */
export function upPositions(operations: readonly Operation[]): Map<Operation, number> {
  const lastSysctl = new Map<string, number>()
  operations.forEach(({ entry }, i) => {
    if (entry.kind !== 'sysctl') return
    const link = linkOfSysctl(entry.path)
    if (link !== undefined) lastSysctl.set(link, i)
  })
  const positions = new Map<Operation, number>()
  operations.forEach((operation, i) => {
    const { entry, op } = operation
    if (entry.kind !== 'link' || entry.up !== true || (op !== 'create' && op !== 'change')) return
    if (operation.before?.kind === 'link' && op === 'change' && operation.before.up === true) return
    const last = lastSysctl.get(entry.name)
    if (last !== undefined && last > i) positions.set(operation, last)
  })
  return positions
}
