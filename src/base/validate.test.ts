import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as v from 'valibot'
import { issuesText } from './validate.ts'

const schema = v.object({ name: v.string(), ipam: v.object({ type: v.string() }) })

test('issues name their place', () => {
  const result = v.safeParse(schema, { ipam: { type: 3 } })
  assert.equal(result.success, false)
  assert.equal(
    issuesText(result.issues ?? []),
    'name: missing; ipam.type: Invalid type: Expected string but received 3',
  )
})

test('a crowd of issues is cut', () => {
  const result = v.safeParse(v.array(v.string()), [1, 2, 3, 4, 5])
  assert.match(issuesText(result.issues ?? [], 2), /; and 3 more$/)
})
