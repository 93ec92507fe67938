import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isStoreError } from '../../store/index.ts'
import { World } from './testing.ts'

describe('a write over a bad line', () => {
  it('is done although the answer is lost', async () => {
    const world = new World()
    const { store, link } = world.client()
    link.set({ partition: 'answers' })
    const create = assert.rejects(store.create('Node', { metadata: { name: 'a' }, spec: {} }), error =>
      isStoreError(error, 'store.unavailable'),
    )
    await world.run(40_000)
    await create
    assert.equal((await world.server.store.get('Node', 'a')).metadata.name, 'a')
  })

  it('may be done after its sender has given up', async () => {
    const world = new World()
    const { store, link } = world.client()
    link.set({ partition: 'both' })
    const create = assert.rejects(store.create('Node', { metadata: { name: 'a' }, spec: {} }))
    await world.run(40_000)
    await create
    await assert.rejects(world.server.store.get('Node', 'a'))
    link.heal()
    await world.run(100)
    assert.equal((await world.server.store.get('Node', 'a')).metadata.name, 'a')
  })

  it('is done although the server says that it failed', async () => {
    const world = new World()
    const { store, link } = world.client()
    link.set({ refusal: { status: 504, retryAfterSeconds: 3, afterWork: true } })
    const create = assert.rejects(store.create('Node', { metadata: { name: 'a' }, spec: {} }), error => {
      assert.ok(isStoreError(error, 'store.unavailable'))
      assert.equal(error.payload.retryAfterMs, 3_000)
      return true
    })
    await world.run(100)
    await create
    assert.equal((await world.server.store.get('Node', 'a')).metadata.name, 'a')
  })

  for (const point of ['before-send', 'after-work'] as const) {
    it(`of a process that dies ${point} is ${point === 'after-work' ? '' : 'not '}done, and tells it nothing`, async () => {
      const world = new World()
      const { store, link, clock, transport } = world.client()
      await world.run(100)
      link.onPoint = (at, request) => {
        if (at !== point || request.method !== 'POST') return
        clock.stop()
        transport.kill()
      }
      let told = false
      const tell = () => (told = true)
      void store.create('Node', { metadata: { name: 'a' }, spec: {} }).then(tell, tell)
      await world.run(60_000)
      assert.equal(told, false)
      const { items } = await world.server.store.list('Node')
      assert.equal(items.length, point === 'after-work' ? 1 : 0)
      assert.equal(link.watches.size, 0, 'the server has seen the watch close')
    })
  }
})
