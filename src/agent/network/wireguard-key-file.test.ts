import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { keyFileAt } from './wireguard-key-file.ts'

test('a key file is for nobody else to read, and nothing lies beside it', () => {
  const directory = mkdtempSync(join(tmpdir(), 'podlace-test-'))
  try {
    const file = keyFileAt(join(directory, 'wgkey'))
    assert.equal(file.read(), undefined)
    file.create('text')
    assert.equal(file.read(), 'text')
    assert.equal(statSync(file.path).mode & 0o777, 0o600)
    assert.deepEqual(readdirSync(directory), ['wgkey'])
    assert.equal(readFileSync(file.path, 'utf8'), 'text')
    assert.throws(() => keyFileAt(directory).read(), /EISDIR/)
    keyFileAt(join(directory, 'flannel', 'wgkey')).create('text')
    assert.deepEqual(readdirSync(join(directory, 'flannel')), ['wgkey'])
  } finally {
    rmSync(directory, { recursive: true })
  }
})
