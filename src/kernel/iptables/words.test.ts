import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { quoteWord, splitWords } from './words.ts'

test('words are read back as they were written, whatever they hold', () => {
  const unit = fc.constantFrom(...`ab19-!#*:,./[]"\\' =$;&|é€`)
  const word = fc.string({ unit, minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(fc.array(word), words => {
      assert.deepEqual(splitWords(words.map(quoteWord).join(' ')), words)
    }),
  )
})

test('a word cannot begin another line', () => {
  for (const word of ['a\n-A INPUT -j DROP', 'a\rb', 'a\0b']) {
    assert.throws(() => quoteWord(word), /control characters/)
  }
})

test('words as iptables-save writes them', () => {
  const line = String.raw`-A X -m comment --comment "a \"b\" \\ \'c\'" -j Y`
  assert.deepEqual(splitWords(line), ['-A', 'X', '-m', 'comment', '--comment', `a "b" \\ 'c'`, '-j', 'Y'])
})
