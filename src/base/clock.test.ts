import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Backoff } from './backoff.ts'
import { ManualClock, sleep } from './clock.ts'
import { errorText, hasCode, PodlaceError } from './errors.ts'

test('a manual clock fires timers in the order of their deadlines, also those set by other timers', async () => {
  const clock = new ManualClock()
  const seen: string[] = []
  clock.after(20, () => seen.push(`b at ${clock.nowMs()}`))
  clock.after(10, () => {
    seen.push(`a at ${clock.nowMs()}`)
    clock.after(5, () => seen.push(`c at ${clock.nowMs()}`))
  })
  clock.after(15, () => seen.push('never')).cancel()
  await clock.advance(30)
  assert.deepEqual(seen, ['a at 10', 'c at 15', 'b at 20'])
})

test('sleep ends at its time, or at once when it is called off', async () => {
  const clock = new ManualClock()
  const stop = new AbortController()
  const seen: string[] = []
  void sleep(clock, 10).then(() => seen.push('slept'))
  void sleep(clock, 1000, stop.signal).then(() => seen.push('called off'))
  stop.abort()
  await clock.advance(10)
  assert.deepEqual(seen, ['called off', 'slept'])
})

test('backoff doubles up to its cap and keeps at least half of the nominal delay', () => {
  const least = new Backoff({ firstMs: 100, maxMs: 1000, random: () => 0 })
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6].map(() => least.nextMs()),
    [50, 100, 200, 400, 500, 500],
  )
  least.reset()
  assert.equal(least.nextMs(), 50)
})

test('an error is known by its code or a part of it, and tells its causes', () => {
  const cause = new Error('no such device')
  const error = new PodlaceError(
    'add route',
    'cannot add it',
    { code: 'netlink.enodev', errno: 19 },
    { cause },
  )
  assert.ok(hasCode(error, 'netlink'))
  assert.ok(hasCode(error, 'netlink.enodev'))
  assert.equal(hasCode(error, 'netlink.eno'), false)
  assert.equal(hasCode(cause, 'netlink'), false)
  assert.equal(errorText(error), 'cannot add it (no such device)')
  assert.deepEqual(error.toJSON(), {
    op: 'add route',
    message: 'cannot add it',
    code: 'netlink.enodev',
    errno: 19,
    cause: 'no such device',
  })
})
