import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { mergePatch, unsupportedDirective } from './merge-patch.ts'

/** The examples of RFC 7396, appendix A: original, patch, result. */
const examples: readonly [unknown, unknown, unknown][] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
]

describe('mergePatch', () => {
  it('does what RFC 7396 shows', () => {
    for (const [target, patch, expected] of examples) assert.deepEqual(mergePatch(target, patch), expected)
  })

  it('is idempotent and leaves its target alone', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (target, patch) => {
        const before = structuredClone(target)
        const once = mergePatch(target, patch)
        assert.deepEqual(mergePatch(once, patch), once)
        assert.deepEqual(target, before)
      }),
    )
  })

  it('keeps a key named __proto__ a key', () => {
    const merged = mergePatch({}, JSON.parse('{"__proto__":{"polluted":1}}'))
    assert.equal(Reflect.get({}, 'polluted'), undefined)
    assert.deepEqual(Object.keys(Object(merged)), ['__proto__'])
  })

  it('merges lists by their key', () => {
    const keys = { 'status.conditions': 'type' }
    const target = { status: { conditions: [{ type: 'A', x: 1, y: 1 }, { type: 'B' }] } }
    const conditions = [{ type: 'A', x: 2, y: null }, { type: 'C' }, { type: 'B', $patch: 'delete' }]
    const patch = { status: { '$setElementOrder/conditions': [{ type: 'C' }], conditions } }
    assert.deepEqual(mergePatch(target, patch, keys), {
      status: { conditions: [{ type: 'A', x: 2 }, { type: 'C' }] },
    })
  })
})

/** Lists as the whole target, merged by `type`. */
function merged(target: readonly object[], patch: readonly object[]): unknown {
  return mergePatch(target, patch, { '': 'type' })
}

describe('mergePatch of lists by their key', () => {
  it('follows the patch in its order', () => {
    const gone = { type: 'A', $patch: 'delete' }
    assert.deepEqual(
      merged([{ type: 'A', x: 1 }, { type: 'B' }], [gone, { type: 'A', y: 2 }, { type: 'A', z: 3 }]),
      [{ type: 'B' }, { type: 'A', y: 2, z: 3 }],
    )
    assert.deepEqual(merged([{ type: 'B' }], [{ type: 'A' }, gone]), [{ type: 'B' }])
    assert.deepEqual(merged([{ type: 'B' }], [gone]), [{ type: 'B' }])
  })

  it('takes the first of two namesakes', () => {
    assert.deepEqual(merged([{ type: 'A' }, { type: 'A', x: 1 }], [{ type: 'A', y: 2 }]), [
      { type: 'A', y: 2 },
      { type: 'A', x: 1 },
    ])
  })
})

describe('unsupportedDirective', () => {
  it('names the first directive that is not followed', () => {
    assert.equal(unsupportedDirective({ a: [{ $patch: 'delete' }], '$setElementOrder/a': [] }), undefined)
    assert.equal(unsupportedDirective({ a: { b: [{ $patch: 'replace' }] } }), 'a.b.$patch')
    assert.equal(unsupportedDirective({ a: { $retainKeys: ['x'] } }), 'a.$retainKeys')
  })
})
