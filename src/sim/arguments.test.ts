import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readArguments } from './arguments.ts'

test('without arguments it explores for a minute, from a fresh seed', () => {
  const { mode, seeds, seconds, seed } = readArguments([])
  assert.deepEqual([mode, seeds, seconds, seed], ['explore', Number.POSITIVE_INFINITY, 60, undefined])
})

test('so many seeds take as long as they take, unless a time is given, too', () => {
  assert.equal(readArguments(['--seeds', '5']).seconds, Number.POSITIVE_INFINITY)
  assert.equal(readArguments(['--seeds', '5', '--minutes', '0.5']).seconds, 30)
  assert.equal(readArguments(['--seed', '0']).seed, 0)
})

test('what is asked for decides the mode', () => {
  assert.equal(readArguments(['--help']).mode, 'help')
  assert.equal(readArguments(['--guards']).mode, 'guards')
  const { mode, name } = readArguments(['--guard', 'fence'])
  assert.deepEqual([mode, name], ['guard', 'fence'])
  assert.equal(readArguments(['--replay', 'x.json']).mode, 'replay')
})

test('what cannot be understood is named', () => {
  assert.throws(
    () => readArguments(['--seeds', 'many']),
    /--seeds wants a whole number of at least 1, not "many"/,
  )
  assert.throws(() => readArguments(['--seeds', '0']), /--seeds wants/)
  assert.throws(() => readArguments(['--seed', '1.5']), /--seed wants a whole number/)
  assert.throws(() => readArguments(['--minutes', '']), /--minutes wants a number/)
  assert.throws(() => readArguments(['--sedes', '1']), /--sedes/)
  assert.throws(() => readArguments(['--guards', '--guard', 'x']), /exclude one another/)
})
