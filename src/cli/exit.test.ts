import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, it } from 'node:test'
import { CommanderError, InvalidArgumentError } from 'commander'
import { PodlaceError } from '../base/index.ts'
import { ExitWith, errorObject, explainError, signalStatus } from './exit.ts'
import { hostAndPort, serverUrl, wholeNumber } from './options.ts'
import { aborted, stopSignal } from './stop-signal.ts'

describe('explainError', () => {
  it('has a status for each kind of end', () => {
    assert.deepEqual(explainError(new ExitWith(7)), { status: 7 })
    assert.deepEqual(explainError(new CommanderError(0, 'commander.help', '')), { status: 0 })
    assert.deepEqual(explainError(new CommanderError(1, 'commander.unknownOption', '')), { status: 2 })
    const setting = new PodlaceError('check', 'bad', { code: 'lab.bad-setting' })
    assert.deepEqual(explainError(setting), { status: 2, text: 'bad' })
    const config = new PodlaceError('read', 'bad', { code: 'agent.config' })
    assert.equal(explainError(config).status, 2)
    assert.deepEqual(errorObject(config, 'bad'), { code: 'agent.config', message: 'bad' })
    assert.equal(errorObject(new TypeError('oops'), 'oops').code, 'internal')
    const failure = new PodlaceError('do', 'no', { code: 'lab.timeout' }, { cause: new Error('why') })
    assert.deepEqual(explainError(failure), { status: 1, text: 'no (why)' })
  })

  it('shows where a defect is', () => {
    assert.match(explainError(new TypeError('oops')).text ?? '', /TypeError: oops\n +at /)
    assert.equal(explainError('thrown text').text, 'thrown text')
  })

  it('ends by a signal as shells have it', () => {
    assert.deepEqual(['SIGINT', 'SIGTERM', 'SIGHUP', 'other'].map(signalStatus), [130, 143, 129, 1])
  })
})

describe('stopSignal', () => {
  it('takes the first signal, ignores the rest, and lets go', async () => {
    const source = new EventEmitter()
    const { signal, dispose } = stopSignal(source)
    const end = aborted(signal)
    source.emit('SIGTERM')
    source.emit('SIGINT')
    await end
    assert.equal(signal.reason, 'SIGTERM')
    dispose()
    assert.deepEqual(source.eventNames(), [])
    await aborted(signal)
  })
})

describe('option values', () => {
  it('are parsed or refused', () => {
    assert.equal(wholeNumber(1, 9)('7'), 7)
    for (const text of ['0', '10', '-1', '1.5', '1e0', '', ' 1'])
      assert.throws(() => wholeNumber(1, 9)(text), InvalidArgumentError)
    assert.deepEqual(hostAndPort('[::1]:80'), { host: '::1', port: 80 })
    assert.deepEqual(hostAndPort('localhost:0'), { host: 'localhost', port: 0 })
    for (const text of ['80', 'host', 'host:', '::1:80', 'host:65536'])
      assert.throws(() => hostAndPort(text), InvalidArgumentError)
    assert.equal(serverUrl('https://[::1]:6443'), 'https://[::1]:6443')
    assert.throws(() => serverUrl('10.0.0.1:6443'), InvalidArgumentError)
  })
})
