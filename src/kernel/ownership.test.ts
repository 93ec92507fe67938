import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formerSelf, linkAlias, movedAlias, ownerOfAlias } from './ownership.ts'

test('what a device was called comes back from its alias, whatever that was', () => {
  const name = fc.stringMatching(/^[^\s/:]{1,15}$/)
  fc.assert(
    fc.property(name, fc.string(), (name, alias) => {
      const former = alias === '' ? { name } : { name, alias }
      assert.deepEqual(formerSelf(movedAlias(former)), former)
      assert.equal(ownerOfAlias(movedAlias(former)), undefined)
    }),
  )
})

test('other aliases do not say that anything was moved', () => {
  for (const alias of [
    undefined,
    '',
    'uplink',
    linkAlias('moved:x:'),
    'podlace-moved:',
    'podlace-moved::x',
  ]) {
    assert.equal(formerSelf(alias), undefined, alias)
  }
})
