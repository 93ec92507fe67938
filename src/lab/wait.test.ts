import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { errorText, hasCode, ManualClock, settle } from '../base/index.ts'
import { logTail, NoUseWaiting, waitFor, withTimeout } from './wait.ts'

const directory = mkdtempSync(join(tmpdir(), 'podlace-wait-'))
after(() => rmSync(directory, { recursive: true, force: true }))
const logFile = join(directory, 'agent.log')
writeFileSync(logFile, Array.from({ length: 2_000 }, (_, index) => `line ${index}\n`).join(''))

const never = new AbortController().signal

describe('waitFor', () => {
  it('looks again until there is something', async () => {
    const clock = new ManualClock()
    let looks = 0
    const found = waitFor('three', { clock, signal: never, timeoutMs: 1_000 }, () =>
      ++looks === 3 ? looks : undefined,
    )
    await settle()
    await clock.advance(20)
    assert.equal(await found, 3)
  })

  it('says what it waited for, why it did not come, and what the log ends with', async () => {
    const clock = new ManualClock()
    const options = { clock, signal: never, timeoutMs: 50, logFile }
    const waiting = waitFor('the agent', options, () => {
      throw new Error('connection refused')
    })
    const checked = assert.rejects(waiting, error => {
      assert.ok(hasCode(error, 'lab.timeout'))
      const text = errorText(error)
      return /50 ms in vain for the agent/.test(text) && /line 1999/.test(text) && /refused/.test(text)
    })
    await settle()
    await clock.advance(60)
    await checked
  })

  it('ends at once when there is no use', async () => {
    const options = { clock: new ManualClock(), signal: never, timeoutMs: 1e9, logFile }
    const waiting = waitFor('the agent', options, () => {
      throw new NoUseWaiting('the agent has ended')
    })
    await assert.rejects(waiting, { code: 'lab.ended', message: /has ended.*the agent.*line 1999/s })
  })

  it('ends at once when it is interrupted', async () => {
    const controller = new AbortController()
    const options = { clock: new ManualClock(), signal: controller.signal, timeoutMs: 1e9 }
    const waiting = waitFor('the agent', options, () => undefined)
    controller.abort()
    await assert.rejects(waiting, error => hasCode(error, 'lab.interrupted'))
  })
})

describe('withTimeout', () => {
  it('gives what comes in time, and an error for what does not', async () => {
    const clock = new ManualClock()
    const options = { clock, signal: never, timeoutMs: 50 }
    assert.equal(await withTimeout('a', options, Promise.resolve(1)), 1)
    const late = assert.rejects(withTimeout('b', options, new Promise(() => undefined)), /in vain for b/)
    await clock.advance(50)
    await late
  })
})

describe('logTail', () => {
  it('has the last lines, or none', () => {
    assert.deepEqual(logTail(logFile, 2), ['line 1998', 'line 1999'])
    assert.deepEqual(logTail(join(directory, 'nothing.log')), [])
  })
})
