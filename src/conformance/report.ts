import { groupOf } from './case.ts'

export const STATUSES = ['passed', 'failed', 'not-applicable', 'not-runnable'] as const
/**
 * `not-applicable`: the folder has no such plugin, or it does not announce the version. `not-runnable`: this kernel
 * lacks what the case needs. Neither counts for or against the plugins.
 */
export type CaseStatus = (typeof STATUSES)[number]

/** How one case ended. */
export interface CaseReport {
  readonly id: string
  readonly title: string
  readonly source: string
  readonly status: CaseStatus
  /** Why it failed or was not run; one thing each. */
  readonly reasons: readonly string[]
  readonly elapsedMs: number
}

export type Counts = Readonly<Record<CaseStatus, number>>

export interface SuiteReport {
  readonly cases: readonly CaseReport[]
  readonly total: Counts
  /** By the first part of the cases' ids, in the order of the cases. */
  readonly groups: ReadonlyMap<string, Counts>
}

function countCases(cases: readonly CaseReport[]): Counts {
  const counts = { passed: 0, failed: 0, 'not-applicable': 0, 'not-runnable': 0 }
  for (const { status } of cases) counts[status] += 1
  return counts
}

export function summarize(cases: readonly CaseReport[]): SuiteReport {
  const byGroup = Map.groupBy(cases, ({ id }) => groupOf(id))
  const groups = new Map([...byGroup].map(([group, members]) => [group, countCases(members)]))
  return { cases, total: countCases(cases), groups }
}
