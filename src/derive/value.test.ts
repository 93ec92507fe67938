import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { deepFreeze, sameValue } from './index.ts'

describe('sameValue', () => {
  test('kinds of values', () => {
    assert.ok(sameValue(Number.NaN, Number.NaN) && sameValue(1n, 1n) && sameValue(deepFreeze, deepFreeze))
    assert.ok(sameValue({ a: [1, { b: null }] }, { a: [1, { b: null }] }))
    assert.ok(sameValue({ a: 1, b: 2 }, { b: 2, a: 1 }))
    assert.ok(sameValue(Uint8Array.of(1, 2), Buffer.from([1, 2])))
    assert.ok(!sameValue([1, 2], [2, 1]) && !sameValue([], {}) && !sameValue(null, {}) && !sameValue(1, '1'))
    assert.ok(!sameValue({}, { a: 1 }) && !sameValue({ a: 1 }, {}) && !sameValue({ a: 1 }, { a: 1, b: 2 }))
    assert.ok(!sameValue({ a: undefined }, {}) && !sameValue({ a: undefined }, { b: undefined }))
    assert.ok(!sameValue(new Map(), new Map()), 'other objects are compared by identity')
  })

  test('agrees with node:util on plain data', () => {
    const data = fc.jsonValue({ maxDepth: 3, noUnicodeString: true } as fc.JsonSharedConstraints)
    fc.assert(
      fc.property(data, data, (a, b) => {
        assert.ok(sameValue(a, structuredClone(a)) || JSON.stringify(a)?.includes('-0'))
        if (!JSON.stringify([a, b]).includes('0')) assert.equal(sameValue(a, b), isDeepStrictEqual(a, b))
      }),
    )
  })
})

describe('deepFreeze', () => {
  test('plain data all the way, nothing else, cycles end', () => {
    const bytes = new Uint8Array(2)
    const loop: { self?: unknown; bytes: Uint8Array; map: Map<string, string>; list: { n: number }[] } = {
      bytes,
      map: new Map(),
      list: [{ n: 1 }],
    }
    loop.self = loop
    assert.equal(deepFreeze(loop), loop)
    assert.ok(Object.isFrozen(loop.list[0]) && !Object.isFrozen(loop.map))
    bytes[0] = 1
  })
})
