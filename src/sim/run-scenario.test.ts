import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { scenarioOf } from './explore.ts'
import { listRegressions, readRegression } from './regressions.ts'
import { runScenario } from './run-scenario.ts'

test('one seed is one run, to the last event', async () => {
  const scenario = scenarioOf(7)
  const [first, again] = [await runScenario(scenario), await runScenario(scenario)]
  assert.equal(first.failure, undefined)
  assert.ok(first.events > 500)
  assert.deepEqual([again.events, again.hash], [first.events, first.hash])
  assert.deepEqual(again.trace(50), first.trace(50))
  assert.notEqual((await runScenario(scenarioOf(8))).hash, first.hash)
})

test('scenarios are as large as promised', () => {
  for (let seed = 0; seed < 200; seed += 1) {
    const { knobs, commands } = scenarioOf(seed)
    assert.ok(knobs.nodes >= 3 && knobs.nodes <= 10)
    assert.ok(commands.length >= 30)
  }
})

for (const file of listRegressions(path.join(import.meta.dirname, 'regressions'))) {
  test(`holds now: ${path.basename(file)}`, async () => {
    const { scenario } = readRegression(file)
    assert.deepEqual((await runScenario(scenario)).failure, undefined)
  })
}
