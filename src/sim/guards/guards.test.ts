import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { readArguments } from '../arguments.ts'
import { INVARIANTS } from '../invariants/index.ts'
import { GUARDS } from './guards.ts'
import { without } from './revert.ts'
import { limitArguments } from './try-guard.ts'

const SOURCES = path.join(import.meta.dirname, '../..')

describe('each guard is where its revert looks for it', () => {
  for (const guard of GUARDS) {
    test(guard.name, () => {
      const text = readFileSync(path.join(SOURCES, guard.file), 'utf8')
      assert.notEqual(without(guard, text), text)
    })
  }
})

test('guards have names of their own, and expect invariants that there are', () => {
  assert.equal(new Set(GUARDS.map(({ name }) => name)).size, GUARDS.length)
  const known = new Set([...INVARIANTS.map(({ name }) => name), 'defect'])
  for (const { expects } of GUARDS) assert.ok(expects.every(name => known.has(name)))
})

test('a guard that is not there, or twice, is named', () => {
  const guard = { name: 'x', protects: '', file: 'a.ts', find: 'one', replace: '', expects: [] }
  assert.throws(() => without(guard, 'two'), /the guard "x" is 0 times in src\/a\.ts/)
  assert.throws(() => without(guard, 'one one'), /2 times/)
  assert.equal(without(guard, 'one two'), ' two')
})

test('a trial has the limits that were asked for, also where time is none', () => {
  for (const limits of [
    ['--seeds', '5'],
    ['--seeds', '5', '--minutes', '0.5'],
  ]) {
    const { seeds: scenarios, seconds } = readArguments(limits)
    const passedOn = readArguments(limitArguments({ seed: 7, scenarios, seconds }))
    assert.deepEqual([passedOn.seed, passedOn.seeds, passedOn.seconds], [7, scenarios, seconds])
  }
})
