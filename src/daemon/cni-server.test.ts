import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '../base/index.ts'
import { answerOrUndo } from './cni-server.ts'

test('what cannot be taken back of a call whose caller is gone is told, and fails nothing else', async () => {
  const told: unknown[] = []
  const log = {
    ...silentLogger,
    error: (message: string, fields: unknown) => void told.push([message, fields]),
  }
  const gone = { isGone: () => true, send: () => assert.fail('there is nobody to send to') }
  assert.equal(await answerOrUndo(gone, () => Promise.reject(new Error('EBUSY')), log), false)
  assert.deepEqual(told, [
    ['what it asked for could not be taken back; DEL or GC will do it', { error: 'EBUSY' }],
  ])
})
