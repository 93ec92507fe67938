import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { commands } from './fake-kernel-commands.ts'
import { replay } from './fake-kernel-replay.ts'
import { fakeSide, withRealSide } from './fake-kernel-sides.ts'

/** A few seconds' worth; thousands, when the model was changed. */
const numRuns = Number(process.env['PODLACE_CALIBRATION_LISTS'] ?? 20)
const seed = Number(process.env['PODLACE_CALIBRATION_SEED'] ?? Date.now() % 1_000_000_000)

test('the fake kernel refuses, keeps, loses and tells what the real one does', async t => {
  t.diagnostic(`${numRuns} lists of seed ${seed}`)
  const property = fc.asyncProperty(commands, list =>
    withRealSide(async real => assert.deepEqual(await replay(list, await fakeSide(), real), undefined)),
  )
  await fc.assert(property, { numRuns, seed })
})
