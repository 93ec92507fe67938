import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Program, type ProgramOptions } from './program.ts'

function start(script: string, more: Partial<ProgramOptions> = {}): Program {
  const options = { env: { PATH: '/usr/bin:/bin' }, stdin: '', mostStdout: 1024, mostStderr: 1024 }
  return new Program({ file: '/bin/sh', args: ['-c', script], ...options, ...more })
}

/** When the program has said something, it runs. */
const untilItSpeaks = () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { promise, most: { mostStdout: 0, onTooMuch: resolve } }
}

test('a program gets its input, environment and directory, and its end is told', async () => {
  const script = 'cat; printf " $A $(pwd)"; printf bad >&2; exit 3'
  const { exitCode, signal, stdout, stderr } = await start(script, {
    env: { PATH: '/usr/bin:/bin', A: 'b' },
    cwd: '/proc',
    stdin: 'in',
  }).ended
  assert.deepEqual([exitCode, signal, `${stdout}`, `${stderr}`], [3, undefined, 'in b /proc', 'bad'])
})

test('of what it prints the beginning is kept, and more is told', async () => {
  let told = 0
  const { stdout, stderr } = await start('printf 12345678; printf abc >&2', {
    mostStdout: 5,
    mostStderr: 3,
    onTooMuch: () => (told += 1),
  }).ended
  assert.deepEqual([`${stdout}`, `${stderr}`, told > 0], ['12345', 'abc', true])
})

test('killed alone, it leaves its children, who are waited for unless the outputs are dropped', async () => {
  const { promise: running, most } = untilItSpeaks()
  const program = start('sleep 60 & echo $! >&2; echo; wait', most)
  await running
  program.kill()
  const early = await Promise.race([program.ended.then(() => true), new Promise(r => setImmediate(r))])
  assert.equal(early, undefined)
  program.dropOutputs()
  const { exitCode, signal, stderr } = await program.ended
  const child = Number(`${stderr}`)
  process.kill(child, 'SIGKILL') // it throws if there is no such process
  assert.deepEqual([exitCode, signal], [undefined, 'SIGKILL'])
})

test('killed with its children, it ends at once; and again does nothing', async () => {
  const { promise: running, most } = untilItSpeaks()
  const program = start('sleep 60 & echo; wait', most)
  await running
  program.killAll()
  assert.equal((await program.ended).signal, 'SIGKILL')
  program.killAll()
})

test('a program that is not there is an error', async () => {
  await assert.rejects(start('', { file: '/nowhere/to/be/found' }).ended, { code: 'ENOENT' })
})

test('a program may end without reading its input', async () => {
  assert.equal((await start('exit 0', { stdin: 'x'.repeat(1 << 20) }).ended).exitCode, 0)
})
