import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { World } from './testing.ts'

function pod(world: World, name: string) {
  return world.server.store.create('Pod', { metadata: { name, namespace: 'default' }, spec: {} })
}

describe('a restored backup', () => {
  for (const writes of [0, 1, 5, 9]) {
    it(`replaces what a client knew, with ${writes} writes since`, async () => {
      const world = new World()
      for (const name of ['a', 'b', 'c']) await world.node(name)
      const client = world.client()
      for (const name of ['d', 'e', 'f']) await world.node(name)
      await world.server.store.delete('Node', 'a')
      await world.run(100)
      world.server.restore(5)
      for (let i = 0; i < writes; i += 1) await world.node(`new-${i % 3}`, String(i))
      await world.run(150_000)
      await world.assertFollows(client)
    })
  }

  it('is noticed where the last bookmark is younger than the last change', async () => {
    const world = new World()
    const client = world.client()
    await world.run(100)
    await world.node('a')
    for (const name of ['p', 'q', 'r']) await pod(world, name)
    await world.run(15_000)
    world.server.restore(3)
    await world.node('reused')
    for (const name of ['p', 'q', 'r']) await pod(world, name)
    await world.run(150_000)
    await world.assertFollows(client)
  })

  it('is noticed where it brings back what a list had left out', async () => {
    const world = new World()
    await world.node('back')
    const client = world.client()
    await world.run(100)
    await world.node('a')
    await world.run(100)
    client.link.set({ partition: 'both' })
    await world.run(1_000)
    await world.server.store.delete('Node', 'back')
    for (const watch of client.link.watches) watch.expire()
    client.link.set({ partition: 'none' })
    await world.run(1_000)
    assert.equal(client.source.get('back'), undefined)
    world.server.restore(1)
    await pod(world, 'p')
    await world.node('new')
    await world.run(150_000)
    await world.assertFollows(client)
  })

  it('is noticed by a process that stood still all the time', async () => {
    const world = new World()
    const client = world.client()
    await world.run(100)
    for (const name of ['a', 'b', 'c']) await world.node(name)
    await world.run(100)
    client.clock.pause()
    for (const watch of client.link.watches) watch.end()
    await world.run(10)
    world.server.restore(2)
    for (const name of ['d', 'e', 'f']) await world.node(name)
    await world.run(20_000)
    client.clock.resume()
    await world.run(50_000)
    await world.assertFollows(client)
  })
})
