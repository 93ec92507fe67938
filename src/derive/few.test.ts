import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type Few, membersOf, withMember, withoutMember } from './few.ts'

test('few members are a set', () => {
  const step = fc.record({ isAdded: fc.boolean(), member: fc.constantFrom('a', 'b', 'c') })
  fc.assert(
    fc.property(fc.array(step), steps => {
      let few: Few<string>
      const model = new Set<string>()
      for (const { isAdded, member } of steps) {
        few = isAdded ? withMember(few, member) : withoutMember(few, member)
        if (isAdded) model.add(member)
        else model.delete(member)
        assert.deepEqual([...membersOf(few)], [...model])
        assert.equal(few === undefined, model.size === 0)
      }
    }),
  )
})
