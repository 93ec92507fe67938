import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { hasCode } from '../base/index.ts'
import { fillIn, listPlugins } from './plugin-set.ts'

const isSetup = (error: unknown) => hasCode(error, 'conformance.setup')

describe('listPlugins', () => {
  it('lists programs, not other files, folders and dangling links', () => {
    const folder = mkdtempSync(join(tmpdir(), 'podlace-plugins-'))
    try {
      assert.throws(() => listPlugins(folder), isSetup)
      for (const name of ['tap', 'bridge']) writeFileSync(join(folder, name), '', { mode: 0o755 })
      writeFileSync(join(folder, 'README'), '')
      mkdirSync(join(folder, 'folder'))
      symlinkSync('nowhere', join(folder, 'dangling'))
      assert.deepEqual(listPlugins(folder), ['bridge', 'tap'])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('says which folder it cannot read', () => {
    assert.throws(() => listPlugins('/nonexistent'), /\/nonexistent/)
  })
})

describe('fillIn', () => {
  it('puts the folder in everywhere', () => {
    assert.equal(fillIn('{dir}/a {dir}/b', '/x'), '/x/a /x/b')
  })
})
