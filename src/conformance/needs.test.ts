import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ConformanceCase, Needs } from './case.ts'
import { type Facts, unmetNeeds } from './needs.ts'
import { commonVersion } from './versions.ts'

const PLUGINS = { directory: '/nowhere', types: ['bridge', 'host-local'], env: new Map<string, string>() }
const FACTS: Facts = {
  versions: new Map([
    ['bridge', ['0.4.0', '1.0.0', '1.1.0']],
    ['host-local', ['0.4.0', '1.0.0']],
  ]),
  missing: new Set(['ipvlan']),
}

function one(needs: Needs): ConformanceCase {
  return { id: 'a.b', title: 'a case', source: 'SPEC', needs, run: () => Promise.resolve() }
}

const statusOf = (needs: Needs) => unmetNeeds(one(needs), FACTS, PLUGINS)?.status

describe('unmetNeeds', () => {
  it('is nothing if all is there', () => {
    assert.equal(statusOf({ plugins: ['bridge'], kernel: ['veth'], speaks: '1.1.0' }), undefined)
  })

  it('is not applicable without the plugin', () => {
    const report = unmetNeeds(one({ plugins: ['bridge', 'tap'] }), FACTS, PLUGINS)
    assert.equal(report?.status, 'not-applicable')
    assert.deepEqual(report?.reasons, ['there is no plugin tap'])
  })

  it('is not applicable to a plugin that does not announce the version', () => {
    assert.equal(statusOf({ plugins: ['bridge', 'host-local'], speaks: '1.1.0' }), 'not-applicable')
  })

  it('is not runnable on a kernel without the feature', () => {
    assert.equal(statusOf({ plugins: ['bridge'], kernel: ['veth', 'ipvlan'] }), 'not-runnable')
  })
})

describe('commonVersion', () => {
  it('is the newest that all announce', () => {
    assert.equal(commonVersion(['bridge'], FACTS.versions), '1.1.0')
    assert.equal(commonVersion(['bridge', 'host-local'], FACTS.versions), '1.0.0')
  })

  it('is the newest of all for plugins that announce nothing of sense', () => {
    assert.equal(commonVersion(['unheard-of'], FACTS.versions), '1.1.0')
  })
})
