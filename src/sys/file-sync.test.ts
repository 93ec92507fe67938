import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { hasCode } from '../base/index.ts'
import { syncFile } from './index.ts'

test('files are synced side by side; what cannot be is refused', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'podlace-sync-'))
  const fd = fs.openSync(path.join(directory, 'file'), 'w')
  try {
    fs.writeSync(fd, 'x')
    const all = Array.from({ length: 20 }, () => syncFile(fd))
    // The event loop does not turn meanwhile: what is done is known without it.
    const deadline = performance.now() + 10_000
    while (!all.every(({ isDone }) => isDone())) assert.ok(performance.now() < deadline)
    await Promise.all(all.map(({ done }) => done))
    const device = fs.openSync('/dev/null', 'r')
    await assert.rejects(syncFile(device).done, error => hasCode(error, 'sys.einval'))
    fs.closeSync(device)
    await assert.rejects(syncFile(99_999).done, error => hasCode(error, 'sys.ebadf'))
  } finally {
    fs.closeSync(fd)
    fs.rmSync(directory, { recursive: true })
  }
})
