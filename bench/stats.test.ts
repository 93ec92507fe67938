import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { interleave, median, quantile, spread, toRow } from './stats.ts'

const measurements = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 40 })

describe('quantile', () => {
  it('is the middle, the ends, and between neighbours', () => {
    assert.equal(median([3, 1, 2]), 2)
    assert.equal(median([4, 1, 2, 3]), 2.5)
    assert.equal(quantile([5, 1, 9], 0), 1)
    assert.equal(quantile([5, 1, 9], 1), 9)
    assert.equal(median([7]), 7)
  })

  it('refuses nothing and nonsense', () => {
    assert.throws(() => median([]), RangeError)
    assert.throws(() => quantile([1], 1.5), RangeError)
    assert.throws(() => quantile([1], Number.NaN), RangeError)
  })

  it('lies between the ends, grows with q and ignores the order', () => {
    fc.assert(
      fc.property(measurements, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
        const value = quantile(values, q)
        assert.ok(value >= Math.min(...values) && value <= Math.max(...values))
        assert.ok(value <= quantile(values, 1))
        assert.equal(quantile(values.toReversed(), q), value)
      }),
      { numRuns: 200 },
    )
  })

  it('leaves its input alone', () => {
    const values = [3, 1, 2]
    median(values)
    assert.deepEqual(values, [3, 1, 2])
  })
})

describe('spread', () => {
  it('is relative to the median', () => {
    assert.equal(spread([10, 10, 10]), 0)
    assert.equal(spread([8, 9, 10, 11, 12]), 0.2)
    assert.equal(spread([0, 0, 0]), 0)
  })
})

describe('toRow', () => {
  it('has a ratio above 1 when ours is better, whatever the unit', () => {
    const times = toRow({ name: 'add', unit: 'ms', better: 'lower', ours: [2], peer: [6] })
    assert.deepEqual(times, { name: 'add', unit: 'ms', ours: 2, peer: 6, ratio: 3, n: 1 })
    const rates = toRow({ name: 'rate', unit: 'Gbit/s', better: 'higher', ours: [9], peer: [10] })
    assert.equal(rates.ratio, 0.9)
  })

  it('has nulls without a peer, and no ratio where one would divide by zero', () => {
    const alone = toRow({ name: 'floor', unit: 'ms', better: 'lower', ours: [1, 2, 3] })
    assert.deepEqual(alone, { name: 'floor', unit: 'ms', ours: 2, peer: null, ratio: null, n: 3 })
    assert.equal(toRow({ name: 'x', unit: 'n', better: 'lower', ours: [0], peer: [1] }).ratio, null)
  })
})

describe('interleave', () => {
  it('takes turns and lets the other begin each time', async () => {
    const calls: string[] = []
    const side = (name: string) => async () => {
      calls.push(name)
      return [calls.length]
    }
    const taken = await interleave(3, side('ours'), side('peer'))
    assert.deepEqual(calls, ['ours', 'peer', 'peer', 'ours', 'ours', 'peer'])
    assert.deepEqual(taken, { ours: [1, 4, 5], peer: [2, 3, 6] })
  })
})
