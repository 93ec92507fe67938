import type { ConformanceCase } from './case.ts'
import type { KernelFeature } from './kernel-features.ts'
import type { PluginSet } from './plugin-set.ts'
import type { CaseReport } from './report.ts'

/** What was found out before the first case. */
export interface Facts {
  /** What each plugin announces. */
  readonly versions: ReadonlyMap<string, readonly string[]>
  /** What this kernel does not have. */
  readonly missing: ReadonlySet<KernelFeature>
}

export function titleOf({ id, title, source }: ConformanceCase): Pick<CaseReport, 'id' | 'title' | 'source'> {
  return { id, title, source }
}

/** The report of a case whose needs are not met. */
export function unmetNeeds(one: ConformanceCase, facts: Facts, { types }: PluginSet): CaseReport | undefined {
  const { plugins, kernel = [], speaks } = one.needs
  const absent = plugins.filter(type => !types.includes(type))
  const report = (status: 'not-applicable' | 'not-runnable', reason: string): CaseReport => ({
    ...titleOf(one),
    status,
    reasons: [reason],
    elapsedMs: 0,
  })
  if (absent.length > 0) return report('not-applicable', `there is no plugin ${absent.join(', ')}`)
  const silent = plugins.filter(
    type => speaks !== undefined && !(facts.versions.get(type) ?? []).includes(speaks),
  )
  if (silent.length > 0)
    return report('not-applicable', `${silent.join(', ')} does not announce CNI ${speaks ?? ''}`)
  const lacking = kernel.filter(feature => facts.missing.has(feature))
  if (lacking.length > 0) return report('not-runnable', `this kernel has no ${lacking.join(', ')}`)
  return undefined
}
