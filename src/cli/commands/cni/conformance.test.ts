import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runAs } from '../../testing.ts'

/** As somebody who may not make namespaces. */
const run = (...args: string[]) => runAs({ uid: 1000, env: {} }, 'cni', 'conformance', ...args)

describe('podlace cni conformance', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'podlace-plugins-'))
    writeFileSync(join(folder, 'bridge'), '', { mode: 0o755 })
  })
  after(() => rmSync(folder, { recursive: true }))

  it('lists the cases without root, also as JSON', async () => {
    const { status, out } = await run('--bin', folder, '--list', '--only', '^bridge\\.protocol')
    assert.equal(status, 0)
    assert.match(out, /^bridge\.protocol\.version\n {2}VERSION lists[^\n]*\n {2}SPEC/)
    const listed = JSON.parse((await run('--bin', folder, '--list', '--json')).out)
    assert.ok(listed.length > 120)
  })

  it('needs root to run them, and says so', async () => {
    const { status, err } = await run('--bin', folder)
    assert.equal(status, 1)
    assert.match(err, /needs root/)
  })

  it('names a folder that it cannot use', async () => {
    const { status, err } = await run('--bin', '/nonexistent')
    assert.equal(status, 1)
    assert.match(err, /\/nonexistent/)
  })

  it('refuses options that make no sense', async () => {
    for (const args of [
      ['--only', '('],
      ['--env', 'novalue'],
      ['--env', '=x'],
    ])
      assert.equal((await run(...args)).status, 2, args.join(' '))
  })
})
