import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, settle, silentLogger } from '../base/index.ts'
import { Graph } from '../derive/index.ts'
import { type Entry, entryKey } from './entry.ts'
import { FakeCrash, FakeKernel } from './fake/fake-kernel.ts'
import type { Operation } from './operation.ts'
import { Reconciler } from './reconciler.ts'

const link: Entry = { kind: 'link', type: 'bridge', name: 'br0', claim: 'own', owner: 't', up: true }
const route = (n: number): Entry => ({
  kind: 'route',
  dst: `10.${n}.0.0/16`,
  table: 254,
  metric: 0,
  link: 'br0',
})
const fdb = (dst: string): Entry => ({ kind: 'fdb', link: 'vx7', mac: '02:00:00:00:00:01', dst })
const port = (name: string): Entry => ({
  kind: 'link',
  type: 'veth',
  name,
  claim: 'own',
  owner: 't',
  master: 'br0',
  peer: { name: 'eth0', netns: name },
})
const sysctl: Entry = { kind: 'sysctl', path: 'ipv4/conf/br0/forwarding', value: '1' }

function setUp(entries: readonly Entry[]) {
  const kernel = new FakeKernel()
  const clock = new ManualClock()
  const desired = new Graph().source<Entry>('desired')
  const want = (wanted: readonly Entry[]) => desired.replace(wanted.map(entry => [entryKey(entry), entry]))
  want(entries)
  const create = (over = kernel) =>
    new Reconciler({ kernel: over, desired, clock, log: silentLogger, random: () => 0.5 })
  return { kernel, clock, want, create, reconciler: create() }
}

async function untilSettled(reconciler: Reconciler, clock: ManualClock): Promise<void> {
  const settled = reconciler.settled()
  await clock.advance(1)
  await settled
}

test('what is refused is a finding, and is tried again later and later until it works', async () => {
  const { kernel, clock, reconciler } = setUp([link, route(1), route(2)])
  let tries = 0
  kernel.fault = ({ entry }) => {
    if (entryKey(entry) !== entryKey(route(1))) return undefined
    tries += 1
    return { errno: 'ENOMEM' }
  }
  await reconciler.start()
  assert.deepEqual(
    reconciler.findings.map(({ code, key }) => [code, key]),
    [['refused', entryKey(route(1))]],
  )
  assert.equal(kernel.namespace.has(entryKey(route(2))), true)
  await clock.advance(10_000)
  assert.ok(tries > 4 && tries < 12, `${tries} tries in 10 s`)
  kernel.fault = undefined
  await clock.advance(30_000)
  assert.equal(kernel.namespace.has(entryKey(route(1))), true)
  assert.deepEqual(reconciler.findings, [])
  await reconciler.stop()
})

test('what the kernel takes and does not keep is not tried in a circle', async () => {
  const { kernel, clock, reconciler, want } = setUp([link])
  await reconciler.start()
  let tries = 0
  kernel.fault = ({ entry }) => {
    if (entry.kind === 'route') tries += 1
    return undefined
  }
  const unlisten = kernel.namespace.listen(event => {
    if (event.event !== 'set' || event.observed.entry.kind !== 'route') return
    kernel.namespace.deleteObject(entryKey(event.observed.entry))
  })
  want([link, route(1)])
  await clock.advance(10_000)
  assert.ok(tries > 4 && tries < 12, `${tries} tries in 10 s`)
  unlisten()
  await clock.advance(30_000)
  assert.equal(kernel.namespace.has(entryKey(route(1))), true)
  await reconciler.stop()
})

test('a program that fights over a route gets a finding, and repairs slow down until it gives up', async () => {
  const { kernel, clock, reconciler } = setUp([link, route(1), route(2)])
  await reconciler.start()
  const key = entryKey(route(1))
  const unlisten = kernel.namespace.listen(event => {
    if (event.event !== 'set' || entryKey(event.observed.entry) !== key) return
    // Not within the pass that makes it: the other program needs its time, too.
    setImmediate(() => setImmediate(() => kernel.namespace.deleteObject(key)))
  })
  kernel.namespace.deleteObject(key)
  for (let i = 0; i < 2000; i += 1) await settle()
  const { repairs } = reconciler.counters
  assert.ok(repairs >= 100 && repairs <= 105, `${repairs} repairs`)
  assert.deepEqual(
    reconciler.findings.map(({ code, key }) => [code, key]),
    [['contested', key]],
  )
  for (let i = 0; i < 600; i += 1) await clock.advance(100)
  assert.ok(reconciler.counters.operations < repairs + 20, `${reconciler.counters.operations} operations`)
  assert.deepEqual(
    reconciler.findings.map(({ code, key }) => [code, key]),
    [['contested', key]],
  )
  // Others do not suffer from it.
  kernel.namespace.deleteObject(entryKey(route(2)))
  await untilSettled(reconciler, clock)
  assert.equal(kernel.namespace.has(entryKey(route(2))), true)
  unlisten()
  await clock.advance(60_000)
  assert.equal(kernel.namespace.has(key), true)
  assert.deepEqual(reconciler.findings, [])
  await reconciler.stop()
})

test('what fails for ever does not make others wait for their next try', async () => {
  const { kernel, clock, reconciler, want } = setUp([link, route(1)])
  kernel.fault = ({ entry }) => (entryKey(entry) === entryKey(route(1)) ? { errno: 'EINVAL' } : undefined)
  await reconciler.start()
  await clock.advance(300_000)
  let tries = 0
  kernel.fault = ({ entry }) => {
    if (entryKey(entry) === entryKey(route(1))) return { errno: 'EINVAL' }
    tries += 1
    return tries === 1 ? { errno: 'EBUSY' } : undefined
  }
  want([link, route(1), route(2)])
  await clock.advance(100)
  assert.equal(kernel.namespace.has(entryKey(route(2))), true)
  await reconciler.stop()
})

test('a taken key is looked up a few times only, however long it is tried', async () => {
  const { kernel, clock, reconciler } = setUp([link, route(1)])
  kernel.fault = ({ entry }) => (entry.kind === 'route' ? { errno: 'EEXIST' } : undefined)
  await reconciler.start()
  await clock.advance(600_000)
  assert.equal(reconciler.counters.resyncs, 3)
  await reconciler.stop()
})

test('a link that nothing needs any more is not missed', async () => {
  const late: Entry = { ...route(1), link: 'late0' } as Entry
  const { clock, reconciler, want } = setUp([link, late])
  await reconciler.start()
  assert.deepEqual(
    reconciler.findings.map(({ code }) => code),
    ['link-missing'],
  )
  want([link])
  await untilSettled(reconciler, clock)
  assert.deepEqual(reconciler.findings, [])
  await reconciler.stop()
})

test('holding deletions does not hold what makes room for something that is wanted', async () => {
  const uplink: Entry = { kind: 'link', type: 'device', name: 'uplink', claim: 'use', owner: 't' }
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
  const { kernel, clock, reconciler, want } = setUp([uplink, vxlan, fdb('192.0.2.1'), link, route(1)])
  kernel.namespace.createDevice('uplink')
  await reconciler.start()
  reconciler.holdDeletes()
  want([uplink, vxlan, fdb('192.0.2.2'), link])
  await untilSettled(reconciler, clock)
  assert.equal(kernel.namespace.has(entryKey(fdb('192.0.2.2'))), true)
  assert.equal(kernel.namespace.has(entryKey(route(1))), true)
  assert.equal(reconciler.counters.refused, 0)
  await reconciler.stop()
})

test('an audit finds what no event told, and counts it as a repair', async () => {
  const { kernel, clock, reconciler } = setUp([link, sysctl])
  await reconciler.start()
  kernel.namespace.writeSysctl('ipv4/conf/br0/forwarding', '0')
  await clock.advance(59_000)
  assert.equal(kernel.namespace.readSysctl('ipv4/conf/br0/forwarding'), '0')
  await clock.advance(2000)
  assert.equal(kernel.namespace.readSysctl('ipv4/conf/br0/forwarding'), '1')
  assert.deepEqual([reconciler.counters.audits, reconciler.counters.repairs], [1, 1])
  assert.equal(reconciler.history().at(-1)?.cause, 'audit')
  await reconciler.stop()
})

test('run() looks at settings that another program may have changed, and a little later if somebody waits for the outcomes', async () => {
  const { kernel, clock, reconciler, want } = setUp([link, sysctl])
  await reconciler.start()
  const keys = [sysctl, route(1)].map(entryKey)
  const change = () => kernel.namespace.writeSysctl('ipv4/conf/br0/forwarding', '0')
  const isMended = () => kernel.namespace.readSysctl('ipv4/conf/br0/forwarding') === '1'
  change()
  await reconciler.run(keys)
  assert.ok(isMended())
  change()
  want([link, sysctl, route(1)])
  const early = new Promise<boolean>((resolve, reject) => {
    const onOutcomes = () => resolve(isMended())
    reconciler.run(keys, { namespaces: new Map(), onOutcomes }).catch(reject)
  })
  assert.equal(await early, false)
  await clock.advance(200)
  assert.ok(isMended())
  // One look is enough for many that come soon after each other.
  const hurried = () => reconciler.run(keys, { namespaces: new Map(), onOutcomes: () => {} })
  assert.deepEqual(await hurried(), [])
  await clock.advance(90)
  change()
  assert.deepEqual(await hurried(), [])
  assert.equal(isMended(), false)
  await clock.advance(20)
  assert.ok(isMended())
  assert.equal(reconciler.counters.repairs, 2)
  await reconciler.stop()
})

test('a change that run() follows at once is made by it, with the namespaces it brings', async () => {
  const veth: Entry = {
    kind: 'link',
    type: 'veth',
    name: 'vh0',
    claim: 'own',
    owner: 't',
    peer: { name: 'eth0', netns: 'pod' },
  }
  const { kernel, clock, reconciler, want } = setUp([link])
  await reconciler.start()
  const pod = new FakeKernel({ network: kernel.namespace.network })
  want([link, veth])
  const outcomes = await reconciler.run([entryKey(veth)], { namespaces: new Map([['pod', pod]]) })
  assert.deepEqual(
    outcomes.map(({ operation, error }) => [operation.op, error]),
    [['create', undefined]],
  )
  await untilSettled(reconciler, clock)
  assert.equal(reconciler.counters.refused, 0)
  assert.ok(pod.namespace.link('eth0'))
  // Later nobody holds the namespace: a finding, and no tries without end.
  kernel.namespace.deleteLink('vh0')
  await clock.advance(10_000)
  assert.deepEqual(
    reconciler.findings.map(({ code }) => code),
    ['namespace-needed'],
  )
  assert.equal(reconciler.counters.refused, 1)
  await reconciler.stop()
})

test('what is reserved waits for its run, whatever else converges meanwhile', async () => {
  const { kernel, clock, reconciler, want } = setUp([])
  await reconciler.start()
  const context = (name: string) => ({
    namespaces: new Map([[name, new FakeKernel({ network: kernel.namespace.network })]]),
  })
  const reservation = reconciler.reserve([entryKey(link), entryKey(port('vh1'))])
  want([link, port('vh0'), port('vh1')])
  // The bridge of the other brings all its ports along.
  const outcomes = await reconciler.run([entryKey(link), entryKey(port('vh0'))], context('vh0'))
  await untilSettled(reconciler, clock)
  assert.deepEqual(
    outcomes.map(({ operation, error }) => [entryKey(operation.entry), error]),
    [
      ['link br0', undefined],
      ['link vh0', undefined],
    ],
  )
  assert.equal(reconciler.counters.refused, 0)
  await reservation.run(context('vh1'))
  assert.ok(kernel.namespace.link('vh1'))
  reservation.cancel()
  await untilSettled(reconciler, clock)
  assert.deepEqual([reconciler.counters.operations, reconciler.findings.length], [3, 0])
  await reconciler.stop()
})

test('a reservation that is cancelled leaves its keys to everybody', async () => {
  const { kernel, clock, reconciler, want } = setUp([link])
  await reconciler.start()
  const reservation = reconciler.reserve([entryKey(link), entryKey(route(1))])
  want([link, route(1)])
  kernel.namespace.deleteLink('br0')
  await untilSettled(reconciler, clock)
  assert.equal(kernel.namespace.has(entryKey(link)), false)
  reservation.cancel()
  await untilSettled(reconciler, clock)
  assert.deepEqual(
    [kernel.namespace.has(entryKey(link)), kernel.namespace.has(entryKey(route(1)))],
    [true, true],
  )
  await reconciler.stop()
})

test('run() deletes though deletions are held: a pod that goes, goes', async () => {
  const { kernel, clock, reconciler, want } = setUp([link, route(1), route(2)])
  await reconciler.start()
  reconciler.holdDeletes()
  want([link])
  await reconciler.run([entryKey(route(1))])
  await untilSettled(reconciler, clock)
  assert.equal(kernel.namespace.has(entryKey(route(1))), false)
  assert.equal(kernel.namespace.has(entryKey(route(2))), true)
  await reconciler.stop()
})

test('killed before or after any operation, the next start converges', async () => {
  const entries = [link, sysctl, route(1), route(2)]
  for (const crash of ['before', 'after'] as const) {
    for (let at = 0; at < entries.length; at += 1) {
      const { kernel, create } = setUp(entries)
      let count = 0
      kernel.fault = () => (count++ === at ? { crash } : undefined)
      await assert.rejects(create().start(), FakeCrash)
      const next = new FakeKernel({ namespace: kernel.namespace })
      const reconciler = create(next)
      await reconciler.start()
      for (const entry of entries) if (entry.kind !== 'sysctl') assert.ok(next.namespace.has(entryKey(entry)))
      assert.deepEqual(reconciler.findings, [])
      await reconciler.stop()
    }
  }
})

test('a pass that dies in the middle is followed by a look at everything', async () => {
  const { kernel, clock, reconciler, want } = setUp([link])
  await reconciler.start()
  kernel.fault = () => ({ crash: 'before' })
  want([link, route(1)])
  await clock.advance(10)
  kernel.fault = undefined
  await clock.advance(1000)
  assert.equal(kernel.namespace.has(entryKey(route(1))), true)
  assert.equal(reconciler.counters.resyncs, 1)
  await reconciler.stop()
})

test('the operations of one event do not grow with the number of entries', async () => {
  const many = Array.from({ length: 250 }, (_, n) => route(n))
  const { kernel, clock, reconciler, want } = setUp([link, ...many])
  await reconciler.start()
  const seen: Operation[] = []
  kernel.fault = operation => {
    seen.push(operation)
    return undefined
  }
  want([link, ...many.slice(0, -1)])
  await untilSettled(reconciler, clock)
  kernel.namespace.deleteObject(entryKey(route(7)))
  await untilSettled(reconciler, clock)
  assert.deepEqual(
    seen.map(({ op }) => op),
    ['delete', 'create'],
  )
  await reconciler.stop()
})

test('history keeps the last 200, oldest first', async () => {
  const { reconciler } = setUp([link, ...Array.from({ length: 250 }, (_, n) => route(n))])
  await reconciler.start()
  const history = reconciler.history()
  assert.equal(history.length, 200)
  assert.equal(history.at(-1)?.key, entryKey(route(249)))
  assert.equal(reconciler.counters.operations, 251)
  await reconciler.stop()
})
