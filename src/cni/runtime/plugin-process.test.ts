import assert from 'node:assert/strict'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, test } from 'node:test'
import { ManualClock, systemClock } from '../../base/index.ts'
import { findPlugin, localExec } from './plugin-exec.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podlace-plugin-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

function install(name: string, script: string, mode = 0o755): void {
  writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(directory, name), mode)
}

interface Given {
  readonly stdin?: string
  readonly variables?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  readonly clock?: ManualClock
}

function run(plugin: string, given: Given = {}) {
  const { stdin = '', variables = {}, signal = new AbortController().signal, clock = systemClock } = given
  const environment = { PATH: process.env['PATH'], CNI_IFNAME: 'leaked', OTHER: 'kept' }
  const exec = localExec({ clock, timeoutMs: 30_000, signal, environment })
  return exec({ plugin, directories: [join(directory, 'none'), directory], variables, stdin })
}

const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString()

async function until(holds: () => boolean): Promise<void> {
  for (let n = 0; n < 500 && !holds(); n += 1) await new Promise(resolve => setTimeout(resolve, 10))
  assert.ok(holds())
}

test('input, variables and both outputs; a failing status is an answer', async () => {
  install('p', 'cat; echo "$CNI_COMMAND,$CNI_IFNAME,$OTHER"; echo remark >&2; exit 3')
  const output = await run('p', { stdin: 'in\n', variables: { CNI_COMMAND: 'ADD' } })
  assert.deepEqual(
    [output.exitCode, textOf(output.stdout), output.stderr],
    [3, 'in\nADD,,kept\n', 'remark\n'],
  )
})

test('one that does not read its input, and one that a signal ends', async () => {
  install('p', 'exec kill -9 $$')
  assert.equal((await run('p', { stdin: 'x'.repeat(1 << 20) })).exitCode, -1)
})

test('a plugin that hangs is killed with all it started', async () => {
  install('p', 'sleep 1000 & echo $! > "$FILE"; wait')
  const clock = new ManualClock()
  const file = join(directory, 'child')
  const ended = run('p', { clock, variables: { FILE: file } })
  await until(() => existsSync(file) && readFileSync(file, 'utf8').trim() !== '')
  await Promise.all([
    assert.rejects(ended, { code: 'cni.runtime.plugin-hung', message: /plugin p did not end within 30 s/ }),
    clock.advance(30_000),
  ])
  await until(() => !isRunning(Number(readFileSync(file, 'utf8'))))
})

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test('a plugin is killed when the caller is interrupted, and none is started after that', async () => {
  install('p', 'echo started > "$FILE"; exec sleep 1000')
  const controller = new AbortController()
  const file = join(directory, 'started')
  const ended = run('p', { signal: controller.signal, variables: { FILE: file } })
  await until(() => existsSync(file))
  controller.abort()
  await assert.rejects(ended, { code: 'cni.runtime.interrupted' })
  await assert.rejects(run('p', { signal: controller.signal }), { code: 'cni.runtime.interrupted' })
})

test('more than 1 MiB of answer is refused, more than 64 KiB of remarks are cut', async () => {
  install('loud', 'head -c 1048577 /dev/zero; sleep 1000')
  await assert.rejects(run('loud'), { code: 'cni.runtime.plugin-answer', message: /more than 1048576 bytes/ })
  install('chatty', 'head -c 1048576 /dev/zero; head -c 100000 /dev/zero >&2')
  const output = await run('chatty')
  assert.deepEqual([output.stdout.length, output.stderr.length], [1 << 20, 1 << 16])
})

test('a binary that is being written is waited for', async () => {
  writeFileSync(join(directory, 'p'), readFileSync('/bin/true'))
  chmodSync(join(directory, 'p'), 0o755)
  const writer = openSync(join(directory, 'p'), 'r+')
  const clock = new ManualClock()
  let attempts = 0
  const counting = Object.assign(Object.create(clock), {
    after: (delayMs: number, fn: () => void) => {
      if (delayMs === 250) attempts += 1
      return clock.after(delayMs, fn)
    },
  })
  const ended = run('p', { clock: counting })
  await until(() => attempts === 1)
  await clock.advance(250)
  await until(() => attempts === 2)
  closeSync(writer)
  await clock.advance(250)
  assert.equal((await ended).exitCode, 0)
})

test('what cannot be started says why', async () => {
  install('p', 'exit 0', 0o644)
  await assert.rejects(run('p'), { code: 'cni.runtime.plugin-not-started', message: /EACCES/ })
})

test('plugins are found by name only', () => {
  install('p', '')
  mkdirSync(join(directory, 'd'))
  assert.equal(findPlugin('p', ['/nowhere', directory]), join(directory, 'p'))
  for (const name of ['d', 'none', '', '.', '..', '../p', `${directory}/p`]) {
    assert.throws(() => findPlugin(name, [directory]), { code: 'cni.runtime.plugin-missing' }, name)
  }
  assert.throws(() => findPlugin('p', []), /no directory was given/)
})
