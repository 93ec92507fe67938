import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, settle, silentLogger } from '../base/index.ts'
import { Graph } from '../derive/index.ts'
import { type Entry, entryKey } from './entry.ts'
import { FakeKernel } from './fake/fake-kernel.ts'
import type { Operation, Outcome } from './operation.ts'
import { Reconciler } from './reconciler.ts'

const uplink: Entry = { kind: 'link', type: 'device', name: 'uplink', claim: 'use', owner: 't' }
const bridge: Entry = { kind: 'link', type: 'bridge', name: 'br0', claim: 'own', owner: 't', up: true }
const vxlan: Entry = {
  kind: 'link',
  type: 'vxlan',
  name: 'vx7',
  claim: 'own',
  owner: 't',
  vni: 7,
  udpPort: 8472,
  local: '192.168.77.1',
  device: 'uplink',
  learning: false,
  gbp: false,
  up: true,
}
const route = (n: number, link = 'br0'): Entry => ({
  kind: 'route',
  dst: `10.${n >> 8}.${n & 255}.0/24`,
  table: 254,
  metric: 0,
  link,
})
const routes = (count: number, link = 'br0') => Array.from({ length: count }, (_, n) => route(n, link))
const veth: Entry = {
  kind: 'link',
  type: 'veth',
  name: 'vh0',
  claim: 'own',
  owner: 't',
  master: 'br0',
  peer: { name: 'eth0', netns: 'pod' },
}

function setUp(entries: readonly Entry[]) {
  const kernel = new FakeKernel({ devices: ['uplink'] })
  const clock = new ManualClock()
  const desired = new Graph().source<Entry>('desired')
  const want = (wanted: readonly Entry[]) => desired.replace(wanted.map(entry => [entryKey(entry), entry]))
  want(entries)
  const reconciler = new Reconciler({ kernel, desired, clock, log: silentLogger })
  return { kernel, clock, desired, want, reconciler }
}

test('an ADD goes between the slices of a long plan, and nobody makes its veth before it', async () => {
  const { kernel, clock, desired, want, reconciler } = setUp([bridge])
  await reconciler.start()
  const pod = new FakeKernel({ network: kernel.namespace.network })
  const keys: string[] = []
  let outcomes: Promise<readonly Outcome[]> | undefined
  kernel.fault = ({ entry }) => {
    keys.push(entryKey(entry))
    if (keys.length === 500) {
      desired.set(entryKey(veth), veth)
      outcomes = reconciler.run([entryKey(veth)], { namespaces: new Map([['pod', pod]]) })
    }
    return undefined
  }
  want([bridge, ...routes(3000)])
  const settled = reconciler.settled()
  await clock.advance(1)
  await settled
  assert.deepEqual(
    (await outcomes)?.map(({ operation, error }) => [entryKey(operation.entry), error]),
    [[entryKey(veth), undefined]],
  )
  assert.ok(keys.indexOf(entryKey(veth)) <= 1300, `after ${keys.indexOf(entryKey(veth))} operations`)
  assert.equal(keys.length, 3001)
  assert.deepEqual([reconciler.counters.refused, reconciler.findings.length], [0, 0])
  await reconciler.stop()
})

test('what changes while a long plan is carried out is done as it is wanted then', async () => {
  const { kernel, clock, desired, want, reconciler } = setUp([bridge])
  await reconciler.start()
  const foreign: Entry = { ...route(2900), link: 'uplink' } as Entry
  let count = 0
  kernel.fault = () => {
    count += 1
    if (count !== 100) return undefined
    desired.delete(entryKey(route(2800)))
    kernel.namespace.addObject(foreign, 'foreign')
    kernel.namespace.deleteObject(entryKey(route(5)))
    return undefined
  }
  want([bridge, ...routes(3000)])
  const settled = reconciler.settled()
  await clock.advance(1)
  await settled
  await clock.advance(1000)
  assert.equal(kernel.namespace.has(entryKey(route(2800))), false)
  assert.equal(kernel.namespace.has(entryKey(route(5))), true)
  assert.deepEqual(
    reconciler.findings.map(({ code, key }) => [code, key]),
    [['foreign-object', entryKey(foreign)]],
  )
  // Not even tried: what is there was seen before its turn came.
  assert.equal(reconciler.counters.refused, 0)
  await reconciler.stop()
})

test('what hangs on a link that cannot be made is not tried, and comes with the link', async () => {
  const { kernel, clock, reconciler } = setUp([uplink, vxlan, ...routes(2000, 'vx7')])
  kernel.fault = ({ entry }) => (entry.kind === 'link' ? { errno: 'EOPNOTSUPP' } : undefined)
  await reconciler.start()
  await clock.advance(20_000)
  assert.deepEqual(
    reconciler.findings.map(({ code, key }) => [code, key]),
    [['unsupported', 'link vx7']],
  )
  assert.ok(reconciler.counters.refused < 15, `${reconciler.counters.refused} refusals`)
  kernel.fault = undefined
  await clock.advance(60_000)
  await reconciler.settled()
  assert.ok(routes(2000, 'vx7').every(entry => kernel.namespace.has(entryKey(entry))))
  assert.deepEqual(reconciler.findings, [])
  await reconciler.stop()
})

test('a link made again brings back a long list of children', async () => {
  const { kernel, clock, want, reconciler } = setUp([uplink, vxlan, ...routes(2000, 'vx7')])
  await reconciler.start()
  const operations: Operation[] = []
  kernel.fault = operation => {
    operations.push(operation)
    return undefined
  }
  reconciler.holdDeletes()
  want([uplink, { ...vxlan, vni: 8 } as Entry, ...routes(2000, 'vx7')])
  const settled = reconciler.settled()
  await clock.advance(1)
  await settled
  assert.deepEqual(
    operations.slice(0, 2).map(({ op, entry }) => `${op} ${entry.kind}`),
    ['delete link', 'create link'],
  )
  assert.equal(operations.length, 2002)
  assert.equal(reconciler.counters.refused, 0)
  await reconciler.stop()
})

test('stop ends a long plan after the slice that is being carried out', async () => {
  const { kernel, clock, want, reconciler } = setUp([bridge])
  await reconciler.start()
  let stopped: Promise<void> | undefined
  let count = 0
  kernel.fault = () => {
    count += 1
    if (count === 10) stopped = reconciler.stop()
    return undefined
  }
  want([bridge, ...routes(3000)])
  const settled = reconciler.settled()
  await clock.advance(1)
  await settled
  await stopped
  const atStop = count
  kernel.namespace.deleteObject(entryKey(route(0)))
  await clock.advance(120_000)
  assert.ok(atStop < 1000)
  assert.equal(count, atStop)
})

test('stop waits for an audit that is looking', async () => {
  const { kernel, reconciler } = setUp([bridge])
  await reconciler.start()
  const observe = kernel.observe.bind(kernel)
  const order: string[] = []
  kernel.observe = async desired => {
    await settle()
    await settle()
    order.push('observed')
    return observe(desired)
  }
  const audit = reconciler.audit()
  await reconciler.stop()
  order.push('stopped')
  await audit
  assert.deepEqual(order, ['observed', 'stopped'])
})

test('a storm of holes in the event story is answered at a slower and slower pace', async () => {
  const { kernel, clock, reconciler } = setUp([bridge, ...routes(10)])
  await reconciler.start()
  await clock.advance(20_000)
  for (let i = 0; i < 1000; i += 1) {
    kernel.overflow(() => {})
    await clock.advance(10)
  }
  assert.ok(reconciler.counters.resyncs >= 4 && reconciler.counters.resyncs <= 10)
  kernel.overflow(() => kernel.namespace.deleteObject(entryKey(route(3))))
  await clock.advance(10_000)
  assert.equal(kernel.namespace.has(entryKey(route(3))), true)
  await reconciler.stop()
})
