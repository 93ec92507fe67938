import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { withoutHollowPasses } from './hollow-passes.ts'
import type { CaseReport, CaseStatus } from './report.ts'

function report(id: string, status: CaseStatus): CaseReport {
  return { id, title: '', source: '', status, reasons: [], elapsedMs: 0 }
}

function statuses(reports: readonly CaseReport[], worked: readonly (readonly [string, ...string[]])[]) {
  const byCase = new Map(worked.map(([id, ...types]) => [id, new Set(types)]))
  return withoutHollowPasses(reports, byCase).map(({ id, status }) => `${id} ${status}`)
}

const REFUSES_ALL = [report('tap.add.bad-mac', 'passed'), report('tap.add.interface', 'failed')]

describe('withoutHollowPasses', () => {
  it('takes passes from a plugin that refuses everything', () => {
    assert.deepEqual(statuses(REFUSES_ALL, []), ['tap.add.bad-mac failed', 'tap.add.interface failed'])
  })

  it('leaves them to a plugin that works in one of the cases, even if that one failed', () => {
    const found = statuses(REFUSES_ALL, [['tap.add.interface', 'bridge', 'tap']])
    assert.deepEqual(found, ['tap.add.bad-mac passed', 'tap.add.interface failed'])
  })

  it('leaves them if nothing else was asked of it', () => {
    assert.deepEqual(statuses([report('tap.add.bad-mac', 'passed')], []), ['tap.add.bad-mac passed'])
  })

  it('does not touch the protocol and whole chains', () => {
    const reports = [
      report('tap.protocol.no-name', 'passed'),
      report('tap.add.interface', 'failed'),
      report('chain.del.all', 'passed'),
      report('chain.add.all', 'failed'),
    ]
    const kept = [
      'tap.protocol.no-name passed',
      'tap.add.interface failed',
      'chain.del.all passed',
      'chain.add.all failed',
    ]
    assert.deepEqual(statuses(reports, []), kept)
  })
})
