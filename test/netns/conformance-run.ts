import assert from 'node:assert/strict'
import { systemClock } from '../../src/base/index.ts'
import {
  allCases,
  type CaseReport,
  type ConformanceCase,
  listPlugins,
  type PluginSet,
  runSuite,
} from '../../src/conformance/index.ts'

/** The plugins of containernetworking/plugins, from Debian's package. */
export const GO_PLUGINS = '/usr/lib/cni'

/** Runs the cases that are chosen, and gives their reports by id. */
export async function run(
  plugins: PluginSet,
  chosen: (one: ConformanceCase) => boolean,
  callTimeoutMs = 20_000,
): Promise<Map<string, CaseReport>> {
  const cases = allCases(plugins.types).filter(chosen)
  assert.ok(cases.length > 0)
  const { signal } = new AbortController()
  const told: string[] = []
  const onCase = ({ id }: CaseReport) => void told.push(id)
  // None of the timers of the system's clock keeps the process alive.
  const alive = setInterval(() => undefined, 1000)
  try {
    const report = await runSuite({
      plugins,
      cases,
      lanes: 2,
      callTimeoutMs,
      clock: systemClock,
      signal,
      onCase,
    })
    assert.equal(report.cases.length, cases.length)
    assert.ok(told.length <= cases.length)
    return new Map(report.cases.map(one => [one.id, one]))
  } finally {
    clearInterval(alive)
  }
}

export function plugins(directory: string): PluginSet {
  return { directory, types: listPlugins(directory), env: new Map() }
}

/** Chooses cases by their ids. */
export function named(pattern: RegExp): (one: ConformanceCase) => boolean {
  return ({ id }) => pattern.test(id)
}

export function failures(reports: ReadonlyMap<string, CaseReport>): string[] {
  return [...reports.values()].filter(({ status }) => status === 'failed').map(({ id }) => id)
}
