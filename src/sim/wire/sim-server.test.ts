import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isStoreError } from '../../store/index.ts'
import { World } from './testing.ts'

describe('SimServer', () => {
  it('serves list, watch and writes over the wire', async () => {
    const world = new World()
    await world.node('a')
    const client = world.client()
    await world.run(100)
    await world.assertFollows(client)
    const created = client.store.create('Node', { metadata: { name: 'b' }, spec: {} })
    await world.run(100)
    assert.equal((await created).metadata.name, 'b')
    await world.server.store.delete('Node', 'a')
    await world.run(100)
    await world.assertFollows(client)
    assert.equal(client.informer.counters.lists, 1)
    const missing = assert.rejects(client.store.get('Node', 'a'), error =>
      isStoreError(error, 'store.not-found'),
    )
    await world.run(100)
    await missing
  })

  it('does the same for the same seed', async () => {
    assert.equal(await hashOf(1), await hashOf(1))
    assert.notEqual(await hashOf(1), await hashOf(2))
  })
})

/** What happens to two clients whose watches are torn, as a hash. */
async function hashOf(seed: number): Promise<string> {
  const world = new World(seed)
  const clients = ['node-1', 'node-2'].map(name => world.client(name))
  for (const serial of ['1', '2', '3']) {
    await world.node('a', serial)
    await Promise.all([
      clients[0]?.store.patch('Node', 'a', { spec: { podCIDR: '10.0.0.0/24' } }),
      world.run(5),
    ])
    for (const { link } of clients) for (const watch of link.watches) watch.tear()
    await world.run(500)
  }
  return world.scheduler.trace.hash
}
