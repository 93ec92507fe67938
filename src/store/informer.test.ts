import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ManualClock, settle, silentLogger } from '../base/index.ts'
import { Graph, type Source } from '../derive/index.ts'
import { type Node, objectKey } from '../model/index.ts'
import { FlakyStore, type StoreFault } from './flaky-store.ts'
import { Informer } from './informer.ts'
import { MemoryStore } from './memory-store.ts'
import type { Store } from './store.ts'
import { nodeDraft } from './store-suite.ts'

interface World {
  readonly clock: ManualClock
  readonly memory: MemoryStore
  readonly flaky: FlakyStore
  readonly source: Source<Node>
  readonly informer: Informer<'Node'>
}

function world(store?: Store, keep: (node: Node) => Node = node => node): World {
  const clock = new ManualClock()
  const memory = new MemoryStore({ clock, random: Math.random, windowSize: 5 })
  const flaky = new FlakyStore(store ?? memory)
  const source = new Graph().source<Node>('nodes')
  const options = { clock, random: () => 0.5, log: silentLogger }
  const informer = new Informer({ ...options, store: flaky.asStore(), kind: 'Node', source, keep })
  return { clock, memory, flaky, source, informer }
}

const withoutSpec = (node: Node): Node => ({ ...node, spec: {} })

async function stored(store: Store): Promise<Record<string, Node>> {
  const { items } = await store.list('Node')
  return Object.fromEntries(items.map(item => [objectKey(item), item]))
}

const faults: readonly StoreFault[] = [
  'list-fails',
  'list-stale',
  'watch-refused',
  'watch-expired',
  'watch-ends',
  'watch-breaks',
  'event-twice',
  'event-old',
]

const command = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('write' as const), node: fc.integer({ min: 0, max: 4 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('delete' as const), node: fc.integer({ min: 0, max: 4 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('fault' as const), fault: fc.constantFrom(...faults) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('compact' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 150, 2_000) }),
  },
)

describe('Informer', () => {
  it('keeps of an object what is wanted of it, from lists and from events', async () => {
    const { clock, memory, source, informer } = world(undefined, withoutSpec)
    const create = (name: string) =>
      memory.create('Node', { metadata: { name }, spec: { podCIDR: '10.1.0.0/24' }, status: {} })
    await create('listed')
    informer.start()
    await clock.advance(10)
    await create('watched')
    await clock.advance(10)
    assert.deepEqual(
      [...source.entries()].map(([key, { spec }]) => [key, spec]),
      [
        ['listed', {}],
        ['watched', {}],
      ],
    )
    await informer.stop()
  })

  it('equals the store after any sequence of faults, and never goes back in time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 25 }), async commands => {
        const { clock, memory, flaky, source, informer } = world()
        let highest = 0
        source.subscribe(changes => {
          for (const change of changes) {
            if (change.after === undefined) continue
            const revision = Number(change.after.metadata.resourceVersion)
            const before = Number(change.before?.metadata.resourceVersion ?? 0)
            assert.ok(revision > before, `${change.key} went from ${before} to ${revision}`)
            highest = Math.max(highest, revision)
          }
        })
        informer.start()
        let serial = 0
        for (const step of commands) {
          if (step.do === 'fault') flaky.faults.push(step.fault)
          if (step.do === 'compact') memory.compact()
          if (step.do === 'wait') await clock.advance(step.ms)
          if (step.do === 'delete') await memory.delete('Node', `n${step.node}`).catch(() => undefined)
          if (step.do === 'write') {
            const patch = { metadata: { annotations: { serial: String((serial += 1)) } } }
            const create = () => memory.create('Node', nodeDraft(`n${step.node}`))
            await memory.patch('Node', `n${step.node}`, patch).catch(create)
          }
        }
        flaky.faults.length = 0
        for (let i = 0; i < 5; i += 1) await clock.advance(15_000)
        assert.deepEqual(Object.fromEntries(source.entries()), await stored(memory))
        assert.ok(informer.synced && informer.connected)
        await informer.stop()
      }),
      { numRuns: 60 },
    )
  })

  it('keeps what it has while the store cannot be reached', async () => {
    const { clock, memory, flaky, source, informer } = world()
    await memory.create('Node', nodeDraft('a'))
    informer.start()
    await settle()
    assert.equal(source.size, 1)
    await memory.create('Node', nodeDraft('b'))
    flaky.faults.push('watch-breaks', ...Array.from({ length: 3 }, (): StoreFault => 'watch-refused'))
    await memory.delete('Node', 'a')
    await clock.advance(0)
    assert.deepEqual([informer.connected, informer.synced], [false, true])
    assert.ok(source.get('a') !== undefined)
    for (let i = 0; i < 5; i += 1) await clock.advance(1_000)
    assert.deepEqual(
      [...source.entries()].map(([key]) => key),
      ['b'],
    )
    assert.ok(informer.connected)
    await informer.stop()
  })

  it('calls onSynced once, after the first complete list', async () => {
    const { clock, memory, flaky, source, informer } = world()
    await memory.create('Node', nodeDraft('a'))
    flaky.faults.push('list-fails')
    const sizes: number[] = []
    informer.onSynced(() => sizes.push(source.size))
    informer.start()
    await settle()
    assert.deepEqual([informer.synced, sizes.length], [false, 0])
    await clock.advance(1_000)
    informer.onSynced(() => sizes.push(source.size))
    assert.deepEqual(sizes, [1, 1])
    await informer.stop()
  })

  it('refuses a list older than what it has seen, until that has lasted', async () => {
    const restored = new MemoryStore({ clock: new ManualClock(), random: Math.random })
    await restored.create('Node', nodeDraft('other'))
    let current: Store | undefined
    const { clock, memory, source, informer } = world(switching(() => current ?? restored))
    current = memory
    for (const name of ['a', 'b', 'c']) await memory.create('Node', nodeDraft(name))
    informer.start()
    await settle()
    assert.equal(source.size, 3)
    current = restored
    await memory.create('Node', nodeDraft('d')) // wakes the watch, which fails by what the switch shows next
    memory.compact()
    await clock.advance(20_000)
    assert.ok(source.get('a') !== undefined, 'nothing is taken away during the grace time')
    await clock.advance(60_000)
    assert.deepEqual(
      [...source.entries()].map(([key]) => key),
      ['other'],
    )
    await informer.stop()
  })

  it('keeps the last good version of an object that became unreadable', async () => {
    const memory = new MemoryStore({ clock: new ManualClock(), random: Math.random })
    await memory.create('Node', nodeDraft('a'))
    await memory.create('Node', nodeDraft('b'))
    let bad = false
    const store: Store = {
      ...switching(() => memory),
      async list(kind, options) {
        const list = await memory.list(kind, options)
        if (!bad) return list
        const items = list.items.filter(item => item.metadata.name !== 'a')
        return { ...list, items, rejected: [{ key: 'a', message: 'spec: expected an object, found 3' }] }
      },
    }
    const { clock, flaky, source, informer } = world(store)
    informer.start()
    await settle()
    bad = true
    flaky.faults.push('watch-expired')
    await memory.delete('Node', 'b')
    await clock.advance(5_000)
    assert.deepEqual(
      [...source.entries()].map(([key]) => key),
      ['a'],
    )
    await informer.stop()
  })
})

/** A store that is another one whenever it is asked. */
function switching(current: () => Store): Store {
  return {
    list: (kind, options) => current().list(kind, options),
    async *watch(kind, options) {
      const store = current()
      for await (const event of store.watch(kind, options)) {
        if (current() !== store) return
        yield event
      }
    },
    get: (kind, key) => current().get(kind, key),
    create: (kind, draft) => current().create(kind, draft),
    update: (kind, object) => current().update(kind, object),
    updateStatus: (kind, object) => current().updateStatus(kind, object),
    patch: (kind, key, patch, options) => current().patch(kind, key, patch, options),
    patchStatus: (kind, key, patch, options) => current().patchStatus(kind, key, patch, options),
    delete: (kind, key, preconditions) => current().delete(kind, key, preconditions),
  }
}
