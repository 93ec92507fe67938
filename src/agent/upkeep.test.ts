import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, settle, silentLogger } from '../base/index.ts'
import { Upkeep } from './upkeep.ts'

function make(step: () => Promise<void>) {
  const clock = new ManualClock()
  return { clock, upkeep: new Upkeep({ name: 'x', step, clock, random: () => 1, log: silentLogger }) }
}

test('pokes during a run cause one more run, not many', async () => {
  let runs = 0
  const { upkeep } = make(async () => {
    runs += 1
    await settle()
  })
  upkeep.poke()
  for (let n = 0; n < 10; n += 1) upkeep.poke()
  for (let n = 0; n < 10; n += 1) await settle()
  assert.equal(runs, 2)
})

test('a step that fails runs again later, until it succeeds; a stopped upkeep does not', async () => {
  let runs = 0
  const { clock, upkeep } = make(async () => {
    runs += 1
    if (runs < 3) throw new Error('not yet')
  })
  upkeep.poke()
  await settle()
  assert.equal(runs, 1)
  await clock.advance(1_000)
  assert.equal(runs, 3)
  runs = 0
  upkeep.poke()
  await settle()
  upkeep.stop()
  await clock.advance(60_000)
  assert.equal(runs, 1)
})
