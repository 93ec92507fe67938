import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { groupOf } from '../case.ts'
import { allCases } from './index.ts'

const cases = allCases(['bridge', 'unheard-of'])

describe('the cases', () => {
  it('have ids of their own, of three parts', () => {
    const ids = cases.map(({ id }) => id)
    assert.equal(new Set(ids).size, ids.length)
    for (const id of ids) assert.match(id, /^[a-z-]+\.[a-z-]+\.[a-z0-9.-]+$/)
  })

  it('each say what is demanded and who demands it', () => {
    for (const { id, title, source } of cases) {
      assert.ok(title.length > 10, id)
      assert.ok(source.length > 2, id)
    }
  })

  it('each need the plugin that they are counted for', () => {
    for (const { id, needs } of cases.filter(one => groupOf(one.id) !== 'chain'))
      assert.ok(needs.plugins.includes(groupOf(id)), id)
  })

  it('ask every program in the folder for the protocol, whatever its name', () => {
    const asked = cases.filter(({ id }) => id.startsWith('unheard-of.'))
    assert.ok(asked.length >= 9)
    assert.ok(asked.every(({ id }) => id.startsWith('unheard-of.protocol.')))
  })
})
