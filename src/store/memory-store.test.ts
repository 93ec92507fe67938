import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ManualClock, settle, systemClock } from '../base/index.ts'
import { isStoreError } from './errors.ts'
import { MemoryStore } from './memory-store.ts'
import { nodeDraft, storeSuite } from './store-suite.ts'

storeSuite('MemoryStore', async () => {
  const store = new MemoryStore({ clock: systemClock, random: Math.random })
  return { store, compact: () => store.compact(), close: async () => {} }
})

describe('MemoryStore', () => {
  it('sends bookmarks while nothing happens', async () => {
    const clock = new ManualClock()
    const store = new MemoryStore({ clock, random: () => 0.5, bookmarkMs: 1_000 })
    await store.create('Pod', { metadata: { name: 'p', namespace: 'default' }, spec: {} })
    const abort = new AbortController()
    const watch = store.watch('Node', { resourceVersion: '0', signal: abort.signal })[Symbol.asyncIterator]()
    const first = watch.next()
    await settle()
    await clock.advance(1_000)
    assert.deepEqual(await first, { done: false, value: { type: 'BOOKMARK', resourceVersion: '2' } })
    const second = watch.next()
    abort.abort()
    assert.equal((await second).done, true)
  })

  it('cuts off a watcher that falls out of the window', async () => {
    const store = new MemoryStore({ clock: new ManualClock(), random: () => 0.5, windowSize: 4 })
    const abort = new AbortController()
    const watch = store.watch('Node', { resourceVersion: '0', signal: abort.signal })[Symbol.asyncIterator]()
    for (let i = 0; i < 4; i += 1) await store.create('Node', nodeDraft(`n${i}`))
    assert.equal((await watch.next()).done, false)
    for (let i = 4; i < 20; i += 1) await store.create('Node', nodeDraft(`n${i}`))
    await assert.rejects(watch.next(), error => isStoreError(error, 'store.expired'))
  })

  it('hands out objects that nobody can change, and keeps none of the caller', async () => {
    const store = new MemoryStore({ clock: new ManualClock(), random: () => 0.5 })
    const labels = { a: '1' }
    const node = await store.create('Node', nodeDraft('n', { metadata: { name: 'n', labels } }))
    labels.a = '2'
    assert.equal((await store.get('Node', 'n')).metadata.labels?.['a'], '1')
    assert.throws(() => Object.assign(node.metadata, { name: 'x' }))
  })

  it('keeps a key named __proto__ a key', async () => {
    const store = new MemoryStore({ clock: new ManualClock(), random: () => 0.5 })
    const spec = JSON.parse('{"__proto__":{"podCIDR":"10.9.0.0/24"}}')
    const node = await store.create('Node', nodeDraft('n', { spec }))
    assert.equal(node.spec.podCIDR, undefined)
    assert.deepEqual(Object.keys(node.spec), ['__proto__'])
  })
})
