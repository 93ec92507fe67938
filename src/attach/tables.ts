import type { Entry } from '../kernel/index.ts'

/** RT_TABLE_DEFAULT, RT_TABLE_MAIN and RT_TABLE_LOCAL, which the kernel has a use for. */
const KERNEL_TABLES = [253, 254, 255]

/** Routing tables that something refers to or lies in. */
export function takenTables(present: readonly Entry[]): ReadonlySet<number> {
  return new Set([...KERNEL_TABLES, ...present.flatMap(tableOf)])
}

function tableOf(entry: Entry): readonly number[] {
  if (entry.kind === 'rule' || entry.kind === 'route') return [entry.table]
  return entry.kind === 'link' && entry.type === 'vrf' ? [entry.table] : []
}

/** The first at or after `table` that is not taken. */
export function freeTable(taken: ReadonlySet<number>, table: number): number {
  let candidate = table
  while (taken.has(candidate)) candidate += 1
  return candidate
}
