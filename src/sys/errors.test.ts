import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode, PodlaceError } from '../base/index.ts'
import { attempt, errnoError } from './errors.ts'
import { native } from './native.ts'

test('a refused system call says what was asked, what was refused and what to do', () => {
  const error = errnoError(1, 'setns', 'open network namespace /run/netns/x')
  assert.equal(
    error.message,
    'open network namespace /run/netns/x: setns failed with EPERM: this needs root (CAP_SYS_ADMIN)',
  )
  assert.deepEqual(error.payload, { code: 'sys.eperm', errno: 1, syscall: 'setns' })
})

test('what a host function throws becomes a PodlaceError, other exceptions stay what they are', () => {
  assert.throws(
    () => attempt('close nothing', () => native.fileClose(-1)),
    error => hasCode(error, 'sys.ebadf') && error instanceof PodlaceError && error.op === 'close nothing',
  )
  const defect = new RangeError('x')
  assert.throws(
    () =>
      attempt('x', () => {
        throw defect
      }),
    error => error === defect,
  )
})

test('host functions refuse arguments of another type', () => {
  const loose = new Map<string, (...values: unknown[]) => unknown>(Object.entries(native))
  const calls: [string, unknown[]][] = [
    ['fileClose', ['1']],
    ['netlinkExchange', [1, 'text']],
    ['netlinkExchange', [1, new Uint16Array(4)]],
    ['netlinkOpen', [-1, 0, [{}], 0]],
    ['netlinkOpen', [-1, 0, Array.from({ length: 65 }, () => 1), 0]],
    ['netnsOpen', [7]],
    ['netnsOpen', ['a\0b']],
    ['netnsOpen', ['x'.repeat(5000)]],
    ['unixListen', ['x'.repeat(108), 0o600, 1]],
    ['pollClose', [{}]],
    ['datagramSend', [1, new Uint8Array(1), 'not an address', 1]],
  ]
  for (const [name, values] of calls) assert.throws(() => loose.get(name)?.(...values), TypeError, name)
})
