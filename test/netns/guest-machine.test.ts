/** The guest as its users meet it; what runs in it tells nothing about how it ends. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'

const PROGRAM = join(import.meta.dirname, '../../scripts/guest/run.ts')

/** Where the guests of this test have their private folders. */
let directory: string
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'podlace-guests-'))
})
after(() => rmSync(directory, { recursive: true }))

/** Resolves when the guest has ended and its folder is gone. */
async function guest(words: readonly string[], interruptWhen?: () => boolean) {
  const child = spawn(process.execPath, [PROGRAM, ...words], {
    env: { ...process.env, TMPDIR: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const timer = setInterval(() => {
    if (interruptWhen?.()) child.kill('SIGINT')
  }, 50)
  try {
    const [output, complaint] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ])
    assert.deepEqual(readdirSync(directory), [])
    return { status: child.exitCode, output, complaint }
  } finally {
    clearInterval(timer)
  }
}

test('output and exit status are those of the command, and no file of the host changes', async () => {
  const file = join(directory, '..', 'podlace-from-the-guest')
  const script = `uname -n; touch ${file}; ls ${file}; mount -t virtiofs host /mnt; touch /mnt${file}; exit 7`
  const { status, output } = await guest(['sh', '-c', script])
  assert.equal(status, 7)
  assert.match(output, /^guest\n\/\S+\ntouch: .*Read-only file system\n$/)
  assert.ok(!existsSync(file))
})

test('a kernel that dies is a failure, which its last words explain', async () => {
  const { status, output, complaint } = await guest(['sh', '-c', 'echo so far; echo c >/proc/sysrq-trigger'])
  assert.equal(status, 125)
  assert.equal(output, 'so far\n')
  assert.match(complaint, /ended before its command did[^]*Kernel panic/)
})

test('a command that takes too long is ended, and so is one that is interrupted', async () => {
  assert.equal((await guest(['--timeout', '1', 'sleep', '1000'])).status, 124)
  assert.equal((await guest(['sleep', '1000'], () => readdirSync(directory).length > 0)).status, 130)
})

test('no command, and a time that is none, are refused', async () => {
  for (const words of [[], ['--timeout', 'soon', 'true'], ['--timeout', '-1', 'true'], ['--timeout', '9']]) {
    assert.equal((await guest(words)).status, 2, words.join(' '))
  }
})
