import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settle } from './clock.ts'
import { KeyedMutex } from './keyed-mutex.ts'
import { Mutex } from './mutex.ts'

test('tasks run one after another in the order they came, past one that fails', async () => {
  const mutex = new Mutex()
  const seen: string[] = []
  const task = (name: string) => async () => {
    seen.push(`${name} begins`)
    await settle()
    seen.push(`${name} ends`)
    if (name === 'b') throw new Error('b failed')
    return name
  }
  const results = await Promise.allSettled([mutex.run(task('a')), mutex.run(task('b')), mutex.run(task('c'))])
  assert.deepEqual(
    results.map(result => result.status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.deepEqual(seen, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
})

test('keys do not wait for each other, one key waits for itself', async () => {
  const mutex = new KeyedMutex()
  const seen: string[] = []
  const gate = Promise.withResolvers<void>()
  const first = mutex.run('a', async () => {
    await gate.promise
    seen.push('a1')
  })
  const second = mutex.run('a', () => seen.push('a2'))
  await mutex.run('b', () => seen.push('b'))
  gate.resolve()
  await Promise.all([first, second])
  assert.deepEqual(seen, ['b', 'a1', 'a2'])
})
