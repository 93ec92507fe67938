import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cniCodeOf } from './errors.ts'
import { type CniCommand, type CniVersion, isAtLeast, requireVerb, versionReply } from './versions.ts'

const verbs: readonly [command: CniCommand, version: CniVersion, code: number][] = [
  ['ADD', '0.1.0', 0],
  ['DEL', '0.1.0', 0],
  ['CHECK', '0.3.1', 1],
  ['CHECK', '0.4.0', 0],
  ['GC', '1.0.0', 1],
  ['STATUS', '1.0.0', 1],
  ['GC', '1.1.0', 0],
  ['STATUS', '1.1.0', 0],
]

for (const [command, version, code] of verbs) {
  test(`${command} with a configuration of ${version} gives ${code}`, () => {
    let found = 0
    try {
      requireVerb(command, version)
    } catch (error) {
      found = cniCodeOf(error)
    }
    assert.equal(found, code)
  })
}

test('versions are compared as numbers, not as text', () => {
  assert.equal(isAtLeast('1.0.0', '0.4.0'), true)
  assert.equal(isAtLeast('0.3.0', '0.3.1'), false)
  assert.equal(versionReply().cniVersion, '1.1.0')
})
