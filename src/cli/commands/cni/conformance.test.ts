import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, describe, it } from 'node:test'
import type { CliContext } from '../../context.ts'
import { runCli } from '../../program.ts'

/** Runs `podlace cni conformance` as somebody who may not make namespaces. */
async function run(...args: string[]) {
  let out = ''
  let err = ''
  const context: CliContext = {
    stdout: { isTerminal: false, width: 100, write: text => void (out += text) },
    stderr: { write: text => void (err += text) },
    stdin: Readable.from([]),
    env: {},
    uid: 1000,
    signal: new AbortController().signal,
  }
  return { status: await runCli(['cni', 'conformance', ...args], context), out, err }
}

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
