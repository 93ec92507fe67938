import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SimWatchStream } from './index.ts'
import { type Client, World } from './testing.ts'

interface FaultCase {
  readonly fault: string
  /** Done at a client that follows two nodes, `a` and `b`, already. */
  readonly strike: (world: World, client: Client) => void | Promise<void>
  /** What the client must have noticed before anything is healed. */
  readonly noticed: (client: Client) => boolean
}

const behind = ({ source }: Client) => source.get('late') === undefined
const listedAgain = ({ informer }: Client) => informer.counters.lists > 1
const refused = ({ informer }: Client) => informer.counters.refused > 0
const failed = ({ informer }: Client) => informer.counters.failures > 0

function eachWatch({ link }: Client, hurt: (watch: SimWatchStream) => void) {
  assert.ok(link.watches.size > 0, 'there is a watch to hurt')
  for (const watch of link.watches) hurt(watch)
}

const cases: readonly FaultCase[] = [
  { fault: 'a partition', strike: (_, { link }) => link.set({ partition: 'both' }), noticed: behind },
  { fault: 'lost answers', strike: (_, { link }) => link.set({ partition: 'answers' }), noticed: behind },
  { fault: 'a slow line', strike: (_, { link }) => link.set({ slowMs: 5_000 }), noticed: behind },
  { fault: 'a lagging watch', strike: (_, { link }) => link.set({ watchLagMs: 5_000 }), noticed: behind },
  {
    fault: 'bookmarks and nothing else',
    strike: (_, { link }) => link.set({ bookmarksOnly: true }),
    noticed: behind,
  },
  {
    fault: 'a watch that ends',
    strike: (_, client) => eachWatch(client, watch => watch.end()),
    noticed: client => client.informer.counters.lists === 1 && !behind(client),
  },
  {
    fault: 'a watch that breaks',
    strike: (_, client) => eachWatch(client, watch => watch.breakOff()),
    noticed: failed,
  },
  {
    fault: 'refused watches',
    strike(_, client) {
      client.link.set({ watches: 'refused' })
      eachWatch(client, watch => watch.end())
    },
    noticed: failed,
  },
  {
    fault: 'a revision that expires in a watch',
    strike: (_, client) => eachWatch(client, watch => watch.expire()),
    noticed: listedAgain,
  },
  {
    fault: 'revisions that are always expired',
    strike(_, client) {
      client.link.set({ watches: 'expired' })
      eachWatch(client, watch => watch.end())
    },
    noticed: listedAgain,
  },
  {
    fault: 'failing lists',
    strike(_, client) {
      client.link.set({ lists: 'fail' })
      eachWatch(client, watch => watch.expire())
    },
    noticed: failed,
  },
  {
    fault: 'a stale list',
    strike(_, client) {
      client.link.set({ lists: 'stale', staleBy: 5 })
      eachWatch(client, watch => watch.expire())
    },
    noticed: refused,
  },
  {
    fault: 'an event that comes twice',
    strike: (_, client) => eachWatch(client, watch => watch.repeatLast()),
    noticed: refused,
  },
  {
    fault: 'events in the wrong order',
    strike: (_, client) => eachWatch(client, watch => watch.swapNext()),
    noticed: refused,
  },
  {
    fault: 'a watch that goes back in time',
    strike: (_, client) => eachWatch(client, watch => watch.goBack()),
    noticed: refused,
  },
  { fault: 'a torn line', strike: (_, client) => eachWatch(client, watch => watch.tear()), noticed: failed },
  { fault: 'a server restart', strike: world => world.server.restart(), noticed: failed },
  { fault: 'a server that is down', strike: world => world.server.stop(), noticed: failed },
  {
    fault: 'compaction while cut off',
    async strike(world, { link }) {
      link.set({ partition: 'both' })
      await world.run(130_000)
      await world.server.store.delete('Node', 'gone')
      world.server.compact()
      link.set({ partition: 'none' })
      await world.run(20_000)
    },
    noticed: client => listedAgain(client) && client.source.get('gone') === undefined,
  },
  ...([429, 500, 503, 504] as const).map(status => ({
    fault: `answers of ${status}`,
    strike(_: World, client: Client) {
      client.link.set({ refusal: { status, retryAfterSeconds: 2 } })
      eachWatch(client, watch => watch.end())
    },
    noticed: failed,
  })),
  {
    fault: 'a paused process',
    strike: (_, { clock }) => clock.pause(),
    noticed: behind,
  },
]

describe('an informer over a bad line', () => {
  for (const { fault, strike, noticed } of cases) {
    it(`notices and survives ${fault}`, async () => {
      const world = new World()
      for (const name of ['a', 'gone']) await world.node(name)
      const client = world.client()
      await world.run(100)
      for (const serial of ['1', '2', '3']) await world.node('b', serial)
      await world.run(100)
      await strike(world, client)
      await world.node('late')
      await world.node('a', '9')
      await world.server.store.delete('Node', 'b')
      await world.run(2_000)
      assert.ok(noticed(client), `${fault} was not noticed`)
      client.clock.resume()
      world.server.heal()
      await world.run(150_000)
      await world.assertFollows(client)
    })
  }
})

it('a silent watch tells bookmarks that do not go back, so that nobody lists again', async () => {
  const world = new World()
  await world.node('a')
  const client = world.client()
  await world.run(100)
  await world.node('a', '1')
  await world.run(30_000)
  client.link.set({ bookmarksOnly: true })
  await world.node('a', '2')
  await world.run(30_000)
  assert.equal(client.source.get('a')?.metadata.annotations?.['serial'], '1')
  assert.equal(client.informer.counters.lists, 1)
  world.server.heal()
  await world.run(1_000)
  await world.assertFollows(client)
})

for (const fault of [{ bookmarksOnly: true }, { watchLagMs: 5_000 }]) {
  it(`only the watches of one resource have ${JSON.stringify(fault)}`, async () => {
    const world = new World()
    await world.node('a')
    const [lagging, other] = [world.client('node-1'), world.client('node-2')]
    await world.run(100)
    lagging.link.set({ ...fault, lagging: 'nodes', silenced: 'nodes' })
    other.link.set({ ...fault, lagging: 'podblocks', silenced: 'podblocks' })
    assert.deepEqual(
      [lagging.link.watchesOf('nodes').length, lagging.link.watchesOf('podblocks').length],
      [1, 0],
    )
    await world.node('a', '1')
    await world.run(1_000)
    const serials = [lagging, other].map(({ source }) => source.get('a')?.metadata.annotations?.['serial'])
    assert.deepEqual(serials, ['0', '1'])
  })
}

it('an informer waits as long as the server asks it to', async () => {
  const world = new World()
  const { link, informer } = world.client()
  link.set({ refusal: { status: 429, retryAfterSeconds: 20 } })
  await world.run(19_000)
  assert.equal(informer.counters.failures, 1)
  await world.run(2_000)
  assert.equal(informer.counters.failures, 2)
})

it('an informer that stood still does not take a lagging replica for a restored store', async () => {
  const world = new World()
  await world.node('a')
  const { link, clock, source } = world.client()
  await world.run(100)
  for (const serial of ['1', '2', '3']) await world.node('a', serial)
  await world.run(100)
  source.subscribe(() => assert.fail('nothing has changed'))
  link.set({ lists: 'stale', staleBy: 3 })
  for (const watch of link.watches) watch.expire()
  await world.run(20)
  clock.pause()
  await world.run(60_000)
  clock.resume()
  await world.run(10_000)
  assert.equal(source.get('a')?.metadata.annotations?.['serial'], '3')
})

it('an informer that falls behind the window lists again', async () => {
  const world = new World()
  const client = world.client()
  await world.run(100)
  client.clock.pause()
  for (let i = 0; i < 200; i += 1) {
    await world.node(`n${i % 5}`, String(i))
    await world.run(10)
  }
  client.clock.resume()
  await world.run(20_000)
  assert.ok(client.informer.counters.lists > 1)
  await world.assertFollows(client)
})
