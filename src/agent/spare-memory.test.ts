import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ManualClock } from '../base/index.ts'
import { giveBackSpareMemory } from './spare-memory.ts'

it('gives back again and again, until it is told to end', async () => {
  const clock = new ManualClock()
  let times = 0
  const end = giveBackSpareMemory(clock, () => times++)
  assert.equal(times, 0)
  for (let turn = 0; turn < 3; turn++) await clock.advance(10_000)
  assert.equal(times, 3)
  end()
  await clock.advance(60_000)
  assert.equal(times, 3)
})
