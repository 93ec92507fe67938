import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { hasCode } from '../base/index.ts'
import { bootId } from './boot-id.ts'
import { flockSync } from './flock.ts'

test('a lock excludes others until it is given back or its file closed', () => {
  const directory = mkdtempSync(join(tmpdir(), 'podlace-sys-'))
  const path = join(directory, 'lock')
  const first = openSync(path, 'w')
  const second = openSync(path, 'r')
  const nonBlocking = true
  try {
    assert.equal(flockSync(first, 'exclusive', { nonBlocking }), true)
    assert.equal(flockSync(second, 'shared', { nonBlocking }), false)
    assert.equal(flockSync(first, 'unlock', { nonBlocking }), true)
    assert.equal(flockSync(second, 'shared', { nonBlocking }), true)
    assert.equal(flockSync(first, 'shared', { nonBlocking }), true)
    assert.equal(flockSync(first, 'exclusive', { nonBlocking }), false)
    closeSync(second)
    assert.equal(flockSync(first, 'exclusive', { nonBlocking: false }), true)
  } finally {
    closeSync(first)
    rmSync(directory, { recursive: true })
  }
  assert.throws(
    () => flockSync(-1, 'shared', { nonBlocking }),
    error => hasCode(error, 'sys.ebadf'),
  )
})

test('the boot id is a UUID and stays', () => {
  assert.match(bootId(), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  assert.equal(bootId(), bootId())
})
