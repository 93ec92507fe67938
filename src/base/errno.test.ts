import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { errnoName } from './errno.ts'

test('errno names are the ones of the kernel, whatever the sign', () => {
  assert.equal(errnoName(19), 'ENODEV')
  assert.equal(errnoName(-19), 'ENODEV')
  assert.equal(errnoName(11), 'EAGAIN')
  assert.equal(errnoName(95), 'EOPNOTSUPP')
  assert.equal(errnoName(524), 'ENOTSUPP')
  assert.equal(errnoName(4095), 'E4095')
})

test('every errno of the system has the number of its name', () => {
  for (const number of new Set(Object.values(constants.errno))) {
    const name = errnoName(number)
    assert.ok(name in constants.errno, name)
    assert.equal(Object.entries(constants.errno).find(([key]) => key === name)?.[1], number)
  }
})
