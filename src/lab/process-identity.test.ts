import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { identify, isAlive, processesWithEnvironment, signalProcess } from './process-identity.ts'

/** Differs from run to run, so that a neighbour's test is not found. */
const mark = `test-${process.pid}`

describe('process identity', () => {
  it('knows a process until it ends, and its corpse no more', async () => {
    const child = spawn('sleep', ['60'], { env: { ...process.env, PODLACE_IDENTITY: mark } })
    await once(child, 'spawn')
    assert.ok(child.pid !== undefined)
    const identity = identify(child.pid)
    assert.ok(identity !== undefined && isAlive(identity))
    assert.deepEqual(processesWithEnvironment('PODLACE_IDENTITY', mark), [identity])
    assert.deepEqual(processesWithEnvironment('PODLACE_IDENTITY', `${mark}0`), [])
    assert.ok(signalProcess(identity, 'SIGKILL'))
    await once(child, 'exit')
    assert.ok(!isAlive(identity))
    assert.ok(!signalProcess(identity, 'SIGKILL'))
  })

  it('does not take another process for the one meant, though the pid is the same', () => {
    const self = identify(process.pid)
    assert.ok(self !== undefined)
    const earlier = { ...self, startTicks: self.startTicks - 1 }
    assert.ok(!isAlive(earlier))
    assert.ok(!signalProcess(earlier, 'SIGKILL')) // or there would be no test to go on
  })

  it('finds nothing where there is no process', () => assert.equal(identify(2 ** 30), undefined))
})
