import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import type { Program } from './host-worker.ts'
import { buildProgram } from './programs.ts'
import { timeCalls } from './spawn-timer.ts'

const LIMIT_MS = 20_000

function shell(script: string, more: Partial<Program> = {}): Program {
  return { argv: ['/bin/sh', '-c', script], env: { WORD: 'a word' }, stdin: '', ...more }
}

function run(...programs: [Program, ...Program[]]) {
  const [first, ...followedBy] = programs
  const { results } = timeCalls([{ ...first, followedBy }], 1, LIMIT_MS)
  return results.map(({ exitCode, stdout, stderr }) => ({ exitCode, stdout, stderr }))
}

describe('the timer of programs', () => {
  before(() => buildProgram('spawn-timer'))

  it('gives a program its input and environment, and tells what it printed', () => {
    const told = run(shell('cat; echo "$WORD" >&2; exit 3', { stdin: 'käse\n' }))
    assert.deepEqual(told, [{ exitCode: 3, stdout: 'käse\n', stderr: 'a word\n' }])
  })

  it('puts what a program printed into the input of the next, where that asks for it', () => {
    const told = run(
      shell('echo one'),
      shell('cat', { stdin: '{', stdinEnd: '}' }),
      shell('cat', { stdin: '[', stdinEnd: ']' }),
    )
    assert.deepEqual(told, [{ exitCode: 0, stdout: '[{one\n}]', stderr: '' }])
    assert.equal(run(shell('echo one'), shell('cat', { stdin: 'two' }))[0]?.stdout, 'two')
  })

  it('starts nothing after a program that failed', () => {
    assert.deepEqual(run(shell('echo no; exit 7'), shell('cat', { stdin: 'after', stdinEnd: ' it' })), [
      { exitCode: 7, stdout: 'no\n', stderr: '' },
    ])
  })

  it('answers in the order of the calls, however many run at once', () => {
    const calls = Array.from({ length: 9 }, (_, n) => shell(`echo ${n}`))
    const { results, totalMs } = timeCalls(calls, 4, LIMIT_MS)
    assert.deepEqual(
      results.map(({ stdout }) => stdout),
      Array.from({ length: 9 }, (_, n) => `${n}\n`),
    )
    assert.ok(totalMs >= Math.max(...results.map(({ ms }) => ms)))
  })
})
