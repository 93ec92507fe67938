import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PodlaceError } from '../base/index.ts'
import { cniCodeOf, cniError, cniErrorReply } from './errors.ts'

const podlace = (code: string) => new PodlaceError('allocate', 'the pool is full', { code })

const codes: readonly [error: unknown, code: number][] = [
  [new Error('x'), 999],
  ['x', 999],
  [podlace('netlink.enodev'), 999],
  [podlace('ipam.exhausted'), 100],
  [podlace('ipam.other'), 7],
  [podlace('ip.malformed'), 7],
  [podlace('ipx'), 999],
  [podlace('sys.emfile'), 11],
  [podlace('attach.unsupported-field'), 2],
  [cniError('unavailable', 'status', 'no'), 50],
]

test('errors of other rooms have their codes', () => {
  for (const [error, code] of codes) assert.equal(cniCodeOf(error), code, String(error))
})

test('a reply tells the operation and the cause', () => {
  const error = new PodlaceError(
    'add link',
    'cannot add link',
    { code: 'x.y' },
    { cause: new Error('EPERM') },
  )
  assert.deepEqual(cniErrorReply(error, '1.1.0'), {
    cniVersion: '1.1.0',
    code: 999,
    msg: 'cannot add link',
    details: 'add link: EPERM',
  })
})
