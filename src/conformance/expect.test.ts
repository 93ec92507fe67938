import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hasCode } from '../base/index.ts'
import { expectError, expectSuccess, show } from './expect.ts'
import { PluginReply } from './plugin-reply.ts'

function reply(exitCode: number, stdout: string): PluginReply {
  return new PluginReply('ADD', { exitCode, stdout, stderr: '', elapsedMs: 0 })
}

const isUnmet = (error: unknown) => hasCode(error, 'conformance.unmet')

describe('expectError', () => {
  const sound = '{"cniVersion": "1.0.0", "code": 7, "msg": "no name", "details": "in net"}'

  it('takes an error object with the code and the words', () => {
    expectError(reply(1, sound))
    expectError(reply(7, sound), { codes: [6, 7], mentions: /name.*in net/ })
  })

  it('refuses success, other codes and other words', () => {
    assert.throws(() => expectError(reply(0, sound)), isUnmet)
    assert.throws(() => expectError(reply(1, sound), { codes: [4] }), isUnmet)
    assert.throws(() => expectError(reply(1, sound), { mentions: /address/ }), isUnmet)
  })

  it('refuses what is no error object', () => {
    for (const text of [
      '',
      'panic',
      '[]',
      '{}',
      '{"code": "7", "msg": "x"}',
      '{"code": 7}',
      `${sound}${sound}`,
    ])
      assert.throws(() => expectError(reply(1, text)), isUnmet, text)
  })
})

describe('expectSuccess', () => {
  it('is about the exit status', () => {
    expectSuccess(reply(0, ''))
    assert.throws(() => expectSuccess(reply(1, '')), isUnmet)
  })
})

describe('PluginReply', () => {
  it('reads results of lists, and fills in lists that are absent', () => {
    const { ips, interfaces, routes } = reply(0, '{"cniVersion": "1.0.0"}').result()
    assert.deepEqual([ips, interfaces, routes], [[], [], []])
  })

  it('refuses what is no result', () => {
    assert.throws(() => reply(0, '{"ips": [{"address": 7}]}').result(), isUnmet)
    assert.throws(() => reply(0, '').result(), isUnmet)
  })
})

describe('show', () => {
  it('is bounded', () => {
    assert.ok(show('x'.repeat(100_000)).length < 1_000)
  })
})
