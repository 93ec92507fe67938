import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { MatrixCell } from '../probe/index.ts'
import { checkReport } from './check.ts'

const cell = (from: string, to: string, protocol: 'icmp' | 'tcp', rttMs?: number): MatrixCell => ({
  from,
  to,
  protocol,
  outcome: rttMs === undefined ? { ok: false, reason: 'lost' } : { ok: true, rttMs },
})

const whole = ['a', 'b'].flatMap(from =>
  ['a', 'b'].flatMap(to => [cell(from, to, 'icmp', 1), cell(from, to, 'tcp', 2)]),
)

describe('checkReport', () => {
  it('is good when every protocol of every pair is', () => {
    const report = checkReport(['a', 'b'], whole)
    assert.ok(report.ok)
    assert.equal(report.pairs.length, 4)
    assert.deepEqual(report.pairs[0], { from: 'a', to: 'a', icmpRttMs: 1, tcpRttMs: 2, failures: [] })
    assert.equal(report.icmp?.count, 4)
  })

  it('names the protocol and the reason of what failed', () => {
    const broken = whole.map(one =>
      one.from === 'a' && one.to === 'b' && one.protocol === 'tcp' ? cell('a', 'b', 'tcp') : one,
    )
    const report = checkReport(['a', 'b'], broken)
    assert.ok(!report.ok)
    const failed = report.pairs.filter(pair => pair.failures.length > 0)
    assert.deepEqual(failed, [
      { from: 'a', to: 'b', icmpRttMs: 1, failures: [{ protocol: 'tcp', reason: 'lost' }] },
    ])
  })

  it('does not take a pod that is not served for a reachable one', () => {
    const report = checkReport(['a', 'b', 'c'], whole)
    assert.ok(!report.ok)
    assert.equal(report.pairs.filter(pair => pair.failures.length > 0).length, 5)
  })
})
