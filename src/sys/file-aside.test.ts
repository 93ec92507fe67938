import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { hasCode } from '../base/index.ts'
import { createFile, syncFile } from './index.ts'

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

test('a file is made where there is none, and only there', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'podlace-create-'))
  const file = (name: string) => path.join(directory, name)
  try {
    const all = Array.from({ length: 20 }, (_, n) => createFile(file(`${n}`), `content ${n}`))
    // The event loop does not turn meanwhile.
    const deadline = performance.now() + 10_000
    while (!all.every(({ isDone }) => isDone())) assert.ok(performance.now() < deadline)
    assert.equal(fs.readFileSync(file('7'), 'utf8'), 'content 7')
    assert.equal(fs.statSync(file('7')).mode & 0o777, 0o600)
    await Promise.all(all.map(({ done }) => done))
    const taken = createFile(file('7'), 'other')
    await assert.rejects(taken.done, error => hasCode(error, 'sys.eexist'))
    assert.equal(taken.isDone(), false)
    assert.equal(fs.readFileSync(file('7'), 'utf8'), 'content 7')
    await assert.rejects(createFile(file('none/7'), 'x').done, error => hasCode(error, 'sys.enoent'))
  } finally {
    fs.rmSync(directory, { recursive: true })
  }
})
