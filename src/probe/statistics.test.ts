import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { median, quantile, summarizeRtts } from './statistics.ts'

describe('summarizeRtts', () => {
  it('has nothing to say of nothing', () => assert.equal(summarizeRtts([]), undefined))

  it('takes values that were really measured, in order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 }), rtts => {
        const summary = summarizeRtts(rtts)
        assert.ok(summary !== undefined)
        const { minMs, p50Ms, p99Ms, maxMs } = summary
        assert.ok(minMs <= p50Ms && p50Ms <= p99Ms && p99Ms <= maxMs)
        for (const value of [minMs, p50Ms, p99Ms, maxMs]) assert.ok(rtts.includes(value))
        assert.equal(summary.count, rtts.length)
      }),
    )
  })
})

describe('quantile', () => {
  it('is the nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => index + 1)
    assert.equal(quantile(hundred, 0.5), 50)
    assert.equal(quantile(hundred, 0.99), 99)
    assert.equal(quantile(hundred, 1), 100)
    assert.equal(quantile(hundred, 0), 1)
  })
})

describe('median', () => {
  it('of an odd count is the middle one', () => assert.equal(median([3, 1, 2]), 2))
  it('of an even count is between the middle ones', () => assert.equal(median([4, 1, 3, 2]), 2.5))
  it('of nothing is not a number', () => assert.ok(Number.isNaN(median([]))))
})
