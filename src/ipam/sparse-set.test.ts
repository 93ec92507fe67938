import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { SparseSet } from './sparse-set.ts'

test('agrees with a plain set, around every edge of a word', () => {
  const size = fc.constantFrom(1n, 2n, 31n, 32n, 33n, 63n, 64n, 1023n, 1024n, 1025n, 1100n)
  const step = fc.record({ add: fc.boolean(), from: fc.nat(1100), count: fc.nat(200), look: fc.nat(1100) })
  fc.assert(
    fc.property(size, fc.array(step, { maxLength: 20 }), (size, steps) => {
      const sparse = new SparseSet(size)
      const plain = new Set<bigint>()
      for (const { add, from, count, look } of steps) {
        for (let n = BigInt(from) % size; n < size && n <= from + count; n++) {
          if (add) sparse.add(n)
          else sparse.delete(n)
          if (add) plain.add(n)
          else plain.delete(n)
        }
        let expected: bigint | undefined = BigInt(look) % size
        assert.equal(sparse.has(expected), plain.has(expected))
        const start = expected
        while (expected < size && plain.has(expected)) expected++
        if (expected === size) expected = undefined
        assert.equal(sparse.nextAbsent(start), expected)
      }
    }),
  )
})

test('a full run in a /64 is skipped in a few steps', () => {
  const sparse = new SparseSet(1n << 64n)
  for (let n = 0n; n < 5000n; n++) sparse.add(n)
  assert.equal(sparse.nextAbsent(0n), 5000n)
  assert.equal(sparse.nextAbsent((1n << 64n) - 1n), (1n << 64n) - 1n)
  sparse.add((1n << 64n) - 1n)
  assert.equal(sparse.nextAbsent((1n << 64n) - 1n), undefined)
})
