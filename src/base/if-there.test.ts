import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ifThere } from './if-there.ts'

test('what is not there is undefined; what cannot be read is an error', () => {
  assert.equal(
    ifThere(() => 'x'),
    'x',
  )
  assert.equal(
    ifThere(() => readFileSync('/proc/no-such-file')),
    undefined,
  )
  assert.throws(() => ifThere(() => readFileSync('/proc')), { code: 'EISDIR' })
  assert.throws(() => ifThere(() => readdirSync('/proc/version')), { code: 'ENOTDIR' })
})
