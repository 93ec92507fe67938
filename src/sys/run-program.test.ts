import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runProgram } from './run-program.ts'

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
