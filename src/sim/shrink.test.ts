import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scenarioOf } from './explore.ts'
import type { Failure } from './run-scenario.ts'
import type { Command, Scenario } from './scenario.ts'
import { shrink } from './shrink.ts'

const failure: Failure = { invariant: 'I0', words: '', found: '', atMs: 0 }

test('of many commands those stay that it takes, and the world is as simple as it may be', async () => {
  const culprits: readonly Command[] = [
    [1, 'compact'],
    [2, 'crash', 1, 5, 10],
  ]
  const noise = scenarioOf(3).commands.filter(([, name]) => name !== 'compact')
  const scenario = { ...scenarioOf(3), commands: noise.toSpliced(5, 0, ...culprits) }
  const fails = async ({ commands, knobs }: Scenario) =>
    culprits.every(culprit => commands.includes(culprit)) && knobs.nodes >= 2
  const smallest = await shrink(scenario, failure, { fails })
  assert.deepEqual(smallest.commands, culprits)
  assert.equal(smallest.knobs.nodes, 2)
  assert.equal(smallest.knobs.controllers, 1)
  assert.equal(smallest.seed, scenario.seed)
})

test('what fails without any command shrinks to none, and the number of runs is bounded', async () => {
  let runs = 0
  const fails = async () => {
    runs += 1
    return true
  }
  assert.deepEqual((await shrink(scenarioOf(4), failure, { fails })).commands, [])
  runs = 0
  await shrink(scenarioOf(4), failure, { fails: async () => ++runs < 0, runs: 10 })
  assert.equal(runs, 10)
})
