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
    await Promise.all(Array.from({ length: 20 }, () => syncFile(fd)))
    const device = fs.openSync('/dev/null', 'r')
    await assert.rejects(syncFile(device), error => hasCode(error, 'sys.einval'))
    fs.closeSync(device)
    await assert.rejects(syncFile(99_999), error => hasCode(error, 'sys.ebadf'))
  } finally {
    fs.closeSync(fd)
    fs.rmSync(directory, { recursive: true })
  }
})
