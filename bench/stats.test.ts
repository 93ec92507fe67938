import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { interleave, median, quantile, ratioInterval, spread, toRow } from './stats.ts'

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

/** Numbers that are the same in every run (Lehmer's generator). */
function random(): () => number {
  let state = 1
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

describe('ratioInterval', () => {
  it('is one point where every round says the same, though the machine got slower', () => {
    const peer = [1, 2, 4, 8, 16]
    const ours = peer.map(value => value * 2)
    assert.deepEqual(ratioInterval('lower', ours, peer, random()), { low: 0.5, high: 0.5 })
    assert.deepEqual(ratioInterval('higher', ours, peer, random()), { low: 2, high: 2 })
  })

  it('holds the ratio, and is wide where rounds disagree', () => {
    const peer = [10, 10, 10, 10, 10, 10, 10]
    const near = ratioInterval('higher', [9.8, 9.9, 9.9, 10, 10, 10.1, 10.2], peer, random())
    const far = ratioInterval('higher', [5, 6, 8, 10, 12, 14, 15], peer, random())
    for (const { low, high } of [near, far]) assert.ok(low <= 1 && high >= 1)
    assert.ok(far.high - far.low > 5 * (near.high - near.low))
  })

  it('refuses rounds that are no pairs', () => {
    assert.throws(() => ratioInterval('lower', [1, 2], [1], random()), RangeError)
  })

  it('is part of a row that asks for it', () => {
    const row = toRow({
      name: 'x',
      unit: 'ms',
      better: 'lower',
      ours: [1, 1],
      peer: [2, 2],
      random: random(),
    })
    assert.deepEqual(row, { name: 'x', unit: 'ms', ours: 1, peer: 2, ratio: 2, n: 2, low: 2, high: 2 })
  })
})

describe('interleave', () => {
  it('takes turns and lets another begin each time', async () => {
    const calls: string[] = []
    const take = async (side: string) => calls.push(side)
    const taken = await interleave(3, ['ours', 'peer'], take)
    assert.deepEqual(calls, ['ours', 'peer', 'peer', 'ours', 'ours', 'peer'])
    assert.deepEqual(
      [taken('ours'), taken('peer')],
      [
        [1, 4, 5],
        [2, 3, 6],
      ],
    )
    calls.length = 0
    await interleave(2, ['a', 'b', 'c'], take)
    assert.deepEqual(calls, ['a', 'b', 'c', 'b', 'c', 'a'])
  })
})
