import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode } from '../../base/index.ts'
import { type Entry, entryKey } from '../entry.ts'
import type { KernelEvent, Operation } from '../operation.ts'
import { FakeCrash, FakeKernel } from './fake-kernel.ts'
import { performForeign } from './perform-foreign.ts'

const bridge: Entry = { kind: 'link', type: 'bridge', name: 'br0', claim: 'own', owner: 't', up: true }
const address: Entry = { kind: 'address', link: 'br0', address: '10.1.0.1/24' }
const neighbour: Entry = { kind: 'neighbour', link: 'br0', address: '10.1.0.9', mac: '02:00:00:00:00:09' }
const create = (entry: Entry): Operation => ({ op: 'create', entry, why: 'missing' })

function storyOf(kernel: FakeKernel): string[] {
  const story: string[] = []
  kernel.watch(event => story.push(lineOf(event)))
  return story
}

function lineOf(event: KernelEvent): string {
  if (event.event === 'set') return `set ${entryKey(event.observed.entry)}`
  return event.event === 'gone' ? `gone ${event.key}` : event.event
}

test('events wait for their delivery, in order; an apply folds them all before it ends', async () => {
  const folds: (() => void)[] = []
  const kernel = new FakeKernel({ devices: ['eth0'], deliver: fold => folds.push(fold) })
  folds.shift()?.()
  const story = storyOf(kernel)
  performForeign(kernel, { act: 'set-link', name: 'eth0', changes: { mtu: 1400 } })
  performForeign(kernel, { act: 'set-link', name: 'eth0', changes: { up: false } })
  assert.deepEqual(story, [])
  folds.shift()?.()
  assert.deepEqual(story, ['set link eth0', 'set link eth0'])
  performForeign(kernel, { act: 'set-link', name: 'eth0', changes: { mtu: 1450 } })
  await kernel.apply([create(bridge)])
  assert.deepEqual([...new Set(story.slice(2))], ['set link eth0', 'set link br0'])
})

test('what overflows the queue is lost, and said to be', () => {
  const folds: (() => void)[] = []
  const kernel = new FakeKernel({ devices: ['eth0'], deliver: fold => folds.push(fold) })
  for (const fold of folds.splice(0)) fold()
  const story = storyOf(kernel)
  kernel.overflow(() => {
    performForeign(kernel, { act: 'set-link', name: 'eth0', changes: { mtu: 1400 } })
  })
  for (const fold of folds) fold()
  assert.deepEqual(story, ['resync'])
})

test('others act while an apply takes its time, and what it does next is refused', async () => {
  let turns = 0
  const kernel = new FakeKernel({
    async pause() {
      turns += 1
      if (turns === 2) performForeign(kernel, { act: 'remove', entry: bridge })
    },
  })
  const outcomes = await kernel.apply([create(bridge), create(address)])
  assert.deepEqual(
    outcomes.map(({ error }) => error?.payload.errno),
    [undefined, 'ENODEV'],
  )
})

test('another program may slip in before an operation', async () => {
  const kernel = new FakeKernel({ devices: ['eth0'] })
  const route: Entry = { kind: 'route', dst: '10.2.0.0/24', table: 254, metric: 0, link: 'eth0' }
  kernel.fault = () => {
    kernel.fault = undefined
    performForeign(kernel, { act: 'add', entry: route })
    return undefined
  }
  const [outcome] = await kernel.apply([create(route)])
  assert.equal(outcome?.error?.payload.errno, 'EEXIST')
  assert.equal(kernel.namespace.objects.get(entryKey(route))?.mark, 'foreign')
})

test('a dump may mix before and after, or never come out whole', async () => {
  let turns = 0
  let interrupted = false
  const kernel = new FakeKernel({
    async pause() {
      turns += 1
      // Links and addresses are read already, neighbours are not.
      if (turns !== 3) return
      kernel.namespace.addObject(address, 'foreign')
      kernel.namespace.addObject(neighbour, 'foreign')
    },
    interrupted: () => interrupted,
  })
  kernel.namespace.createLink(bridge)
  const keys = new Set((await kernel.observe()).map(({ entry }) => entryKey(entry)))
  assert.deepEqual([keys.has(entryKey(address)), keys.has(entryKey(neighbour))], [false, true])
  interrupted = true
  await assert.rejects(kernel.observe(), error => hasCode(error, 'netlink.interrupted'))
})

test('nothing of an apply reaches the namespace after the program has ended', async () => {
  const kernel = new FakeKernel({ pause: () => new Promise(resolve => setImmediate(resolve)) })
  const applied = kernel.apply([create(bridge)])
  kernel.close()
  await assert.rejects(applied, FakeCrash)
  assert.equal(kernel.namespace.link('br0'), undefined)
})

test('a program may die before the link that it made bears its mark', async () => {
  const kernel = new FakeKernel()
  kernel.fault = () => ({ crash: 'within' })
  await assert.rejects(kernel.apply([create(bridge)]), FakeCrash)
  assert.equal(kernel.namespace.objects.get('link br0')?.mark, 'foreign')
})
