import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode, ManualClock } from '../base/index.ts'
import { programRunner, runProgram } from './run-program.ts'

test('a program has its input, and tells how it ended', async () => {
  assert.deepEqual(await runProgram('sh', ['-c', 'cat; echo no >&2; exit 3'], 'text'), {
    exitCode: 3,
    stdout: 'text',
    stderr: 'no\n',
  })
})

test('one that reads no input of a megabyte is no error', async () => {
  assert.equal((await runProgram('true', [], 'x'.repeat(1 << 20))).exitCode, 0)
})

test('words are no shell', async () => {
  assert.equal((await runProgram('echo', ['$(id)', '; id'], '')).stdout, '$(id) ; id\n')
})

test('a program that is not there is refused by name', async () => {
  await assert.rejects(runProgram('no-such-program', [], ''), {
    code: 'sys.enoent',
    message: /no-such-program/,
  })
})

test('one that somebody else kills is no answer', async () => {
  await assert.rejects(runProgram('sh', ['-c', 'kill -KILL $$'], ''), {
    code: 'sys.program-killed',
    message: 'sh was ended by SIGKILL',
  })
})

/** Runs a script past its time; it is to write the process ids of what it started into the file $0, in one go. */
async function outlast(t: TestContext, script: string) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'podlace-program-'))
  t.after(() => fs.rmSync(directory, { recursive: true }))
  const file = path.join(directory, 'pids')
  const clock = new ManualClock()
  const ended = programRunner(clock)('sh', ['-c', script, file], '').catch((error: unknown) => error)
  for (let n = 0; n < 1_000 && !fs.existsSync(file); n += 1) await sleep(10)
  await clock.advance(20_000)
  return { outcome: await ended, pids: fs.readFileSync(file, 'utf8').trim().split(' ').map(Number) }
}

async function untilGone(pid: number): Promise<void> {
  for (let n = 0; n < 500; n += 1) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await sleep(10)
  }
  assert.fail(`process ${pid} lives on`)
}

test('one that hangs is killed with what it started', async t => {
  const { outcome, pids } = await outlast(t, 'sleep 60 & echo $$ $! > $0.new; mv $0.new $0; wait')
  assert.ok(hasCode(outcome, 'sys.program-killed'))
  assert.equal(outcome.message, 'sh ran for more than 20 s and was killed')
  assert.equal(pids.length, 2)
  for (const pid of pids) await untilGone(pid)
})

test('one that ended by itself has answered, whoever it left behind to hold its outputs', async t => {
  const left = "exec sh -c 'echo $$ > $0.new; mv $0.new $0; exec sleep 60' $0"
  const script = `(while kill -0 $$ 2>&-; do sleep 0.01; done; ${left}) & exit 3`
  const { outcome, pids } = await outlast(t, script)
  assert.deepEqual(outcome, { exitCode: 3, stdout: '', stderr: '' })
  // It throws if there is no such process.
  for (const pid of pids) process.kill(pid, 'SIGKILL')
})
