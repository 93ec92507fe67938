import { groupOf } from './case.ts'
import type { CaseReport } from './report.ts'

/**
 * A plugin that refuses everything passes each case about what must be refused. Such a pass counts only if the plugin
 * did something else than refuse in one of the cases, or nothing else was asked of it.
 *
 * @param worked by id of a case, the types of plugins whose ADD succeeded in it
 */
export function withoutHollowPasses(
  reports: readonly CaseReport[],
  worked: ReadonlyMap<string, ReadonlySet<string>>,
): CaseReport[] {
  const working = new Set([...worked.values()].flatMap(types => [...types]))
  const failing = new Set(reports.filter(({ status }) => status === 'failed').map(({ id }) => groupOf(id)))
  const isHollow = ({ id, status }: CaseReport) => {
    const group = groupOf(id)
    const counts = status === 'passed' && group !== 'chain' && !id.startsWith(`${group}.protocol.`)
    return counts && failing.has(group) && !working.has(group)
  }
  return reports.map(report => (isHollow(report) ? hollow(report) : report))
}

function hollow(report: CaseReport): CaseReport {
  const reason = `refused as it must be, but no ADD of ${groupOf(report.id)} succeeded in any case: it refuses everything`
  return { ...report, status: 'failed', reasons: [reason] }
}
