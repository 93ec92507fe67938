import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { it } from 'node:test'
import { difference, look } from './leftovers.ts'

it('reports what has come, not what has gone or stayed', () => {
  const before = { link: ['lo', 'eth0', 'old'], file: [] }
  const after = { link: ['lo', 'eth0', 'new'], file: ['/tmp/podlace-a'] }
  assert.deepEqual(difference(before, after), ['link new', 'file /tmp/podlace-a'])
})

it('sees a folder, and a process that inherited the mark of this run', async () => {
  const before = look()
  const folder = mkdtempSync(join(tmpdir(), 'podlace-leftover-'))
  const run = process.env['PODLACE_TEST_RUN']
  process.env['PODLACE_TEST_RUN'] = `leftovers-test-${process.pid}`
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  try {
    await once(child, 'spawn')
    const found = difference(before, look())
    assert.ok(found.includes(`file ${folder}`), found.join('\n'))
    assert.ok(found.includes(`process ${child.pid} sleep 60`), found.join('\n'))
  } finally {
    if (run === undefined) delete process.env['PODLACE_TEST_RUN']
    else process.env['PODLACE_TEST_RUN'] = run
    child.kill('SIGKILL')
    rmdirSync(folder)
  }
})
