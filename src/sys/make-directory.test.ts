import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeDirectory } from './make-directory.ts'

test('a directory may be read by everybody, whatever the umask', () => {
  const root = mkdtempSync(join(tmpdir(), 'podlace-directory-'))
  const before = process.umask(0o077)
  try {
    makeDirectory(join(root, 'a', 'b'))
    for (const path of [join(root, 'a'), join(root, 'a', 'b')])
      assert.equal(statSync(path).mode & 0o777, 0o755)
    // One that exists is left as it is.
    makeDirectory(root)
    assert.equal(statSync(root).mode & 0o777, 0o700)
  } finally {
    process.umask(before)
    rmSync(root, { recursive: true })
  }
})
