import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { linearPattern } from './linear-pattern.ts'

const cases: readonly [pattern: string, matching: readonly string[], others: readonly string[]][] = [
  ['', ['', 'x'], []],
  ['b', ['b', 'abc'], ['', 'ac']],
  [
    '^net\\.core\\.[a-z_]*$',
    ['net.core.', 'net.core.rmem_max'],
    ['net.core.rmem2', 'xnet.core.a', 'net-core.a'],
  ],
  ['^a.c$', ['abc', 'a.c'], ['ac', 'a\nc']],
  ['^(ab|c)+$', ['ab', 'cab'], ['', 'a', 'abx']],
  ['^(?:a|b?)x$', ['ax', 'bx', 'x'], ['abx']],
  ['^[^0-9-]$', ['a'], ['5', '-', '']],
  ['^[a\\]-]$', ['a', ']', '-'], ['b']],
  ['^\\d\\W$', ['1-'], ['11', 'x-']],
  ['^x|y$', ['xa', 'ay'], ['ax', 'ya']],
  ['a$b', [], ['ab', 'a']],
]

for (const [pattern, matching, others] of cases) {
  test(`/${pattern}/`, () => {
    const matches = linearPattern(pattern)
    assert.deepEqual(
      matching.filter(text => !matches(text)),
      [],
    )
    assert.deepEqual(
      others.filter(text => matches(text)),
      [],
    )
  })
}

const refused: readonly [pattern: string, message: RegExp][] = [
  ['(a', /a group is not closed/],
  ['a)', /closes no group/],
  ['[a', /a class is not closed/],
  ['[]a]', /a class is empty/],
  ['[[:alpha:]]', /named classes/],
  ['[z-a]', /"z-a" is no range/],
  ['a{2}', /counted repetition/],
  ['a+?', /"\?" has nothing to repeat/],
  ['*', /"\*" has nothing/],
  ['(?=a)', /only "\(\?:"/],
  ['(a)\\1', /"\\1" is not known/],
  ['\\', /lone/],
  ['a'.repeat(1001), /1001 characters/],
]

for (const [pattern, message] of refused) {
  test(`refused: /${pattern.slice(0, 20)}/`, () =>
    assert.throws(() => linearPattern(pattern), { code: 'pattern.unsupported', message }))
}

test('it agrees with JavaScript', () => {
  const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '^', '$', '(a|b)', '(?:ab)', '\\w', '\\.')
  const repeated = fc.tuple(atom, fc.constantFrom('', '', '*', '+', '?')).map(parts => parts.join(''))
  const pattern = fc
    .array(fc.oneof(repeated, fc.constant('|')), { maxLength: 8 })
    .map(parts => parts.join(''))
    // JavaScript does not repeat edges.
    .filter(text => !/[$^][*+?]/.test(text))
  const subject = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '.'), maxLength: 6 })
  fc.assert(
    fc.property(pattern, subject, (expression, text) => {
      assert.equal(linearPattern(expression)(text), new RegExp(expression, 'v').test(text))
    }),
    { numRuns: 500 },
  )
})

test('no expression takes long', () => {
  const matches = linearPattern('^(a|a)*(a*)*(a?)+b$')
  assert.equal(matches('a'.repeat(5000)), false)
})
