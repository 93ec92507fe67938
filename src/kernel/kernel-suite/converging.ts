import assert from 'node:assert/strict'
import { type Entry, entryKey } from '../entry.ts'
import type { Operation, Outcome } from '../operation.ts'
import {
  bridge,
  defaultRoute,
  everything,
  OWNER,
  overlay,
  PEER_MAC,
  peerFdb,
  selective,
  table,
  tokenBucket,
  veth,
  vxlan,
} from './entries.ts'
import { codes, type World } from './world.ts'

export async function makesEverything(world: World): Promise<void> {
  const reconciler = await world.startWith(everything)
  assert.deepEqual(reconciler.findings, [])
  assert.deepEqual(await world.difference(), [])
  assert.equal(reconciler.counters.operations, everything.length - 1)
  assert.equal(reconciler.counters.repairs, 0)
  // What the kernel does to new links by itself may take a second, and be looked at.
  await world.harness.rest()
  const { passes } = reconciler.counters
  await reconciler.audit()
  assert.equal(reconciler.counters.operations, everything.length - 1)
  assert.equal(reconciler.counters.passes, passes + 1)
}

export async function restartWritesNothing(world: World): Promise<void> {
  const first = await world.startWith(everything)
  await first.stop()
  await world.harness.rest()
  const second = await world.start(world.harness.restart())
  assert.equal(second.counters.operations, 0)
  assert.deepEqual(second.findings, [])
  assert.equal(world.harness.modifications(), 0)
}

export async function changes(world: World): Promise<void> {
  const reconciler = await world.startWith(everything)
  const before = reconciler.history().length
  const rules = table.chains[0]?.rules.slice(1) ?? []
  const changed = new Map<string, Entry>()
  for (const entry of [
    { ...vxlan, mtu: 1300, mac: '02:00:00:00:01:99' },
    { ...veth, owner: 'pod default/web-2 eth0', bridgePort: { hairpin: false, isolated: true } },
    { ...defaultRoute, gateway: '10.244.1.6', mtu: 1300 },
    { kind: 'neighbour', link: 'vx7', address: '10.244.2.0', mac: '02:00:00:00:02:99' },
    { ...tokenBucket, qdisc: { ...tokenBucket.qdisc, rateBps: 2_000_000 } },
    { ...selective, qdisc: { ...selective.qdisc, shaped: 'others', prefixes: ['fd00::/8'] } },
    { kind: 'rule', family: 4, priority: 1000, src: '10.244.0.0/16', table: 101 },
    { kind: 'sysctl', path: 'ipv4/conf/br0/proxy_arp', value: '0' },
    { ...table, chains: table.chains.map((chain, i) => (i === 0 ? { ...chain, rules } : chain)) },
  ] as const satisfies readonly Entry[])
    changed.set(entryKey(entry), entry)
  world.want(everything.map(entry => changed.get(entryKey(entry)) ?? entry))
  await world.converges()
  await reconciler.settled()
  const operations = reconciler.history().slice(before)
  const links = operations.filter(({ key }) => key.startsWith('link '))
  assert.deepEqual(links.map(({ op, key }) => `${op} ${key}`).toSorted(), [
    'change link vh0',
    'change link vx7',
  ])
  // The table comes anew, so its elements do.
  assert.equal(operations.filter(({ op, key }) => op === 'create' && key.startsWith('nft-element')).length, 2)
  assert.deepEqual(reconciler.findings, [])
}

export async function removes(world: World): Promise<void> {
  const { foreign } = world.harness
  const route: Entry = { kind: 'route', dst: '10.77.0.0/24', table: 254, metric: 5, link: 'uplink' }
  foreign.add(route)
  const neighbour: Entry = { kind: 'neighbour', link: 'uplink', address: '10.77.0.9', mac: PEER_MAC }
  foreign.add(neighbour)
  const before = [...(await world.observed()).keys()].toSorted()
  await world.startWith(everything)
  world.want([])
  let now: string[] = []
  await world.harness
    .eventually(async () => {
      now = [...(await world.observed()).keys()].filter(key => !key.startsWith('sysctl')).toSorted()
      return JSON.stringify(now) === JSON.stringify(before)
    })
    .catch(() => assert.deepEqual(now, before))
  // The other end of the veth went along.
  const inPod = await world.harness.pod.kernel.observe()
  assert.equal(
    inPod.some(({ entry }) => entry.kind === 'link' && entry.name === 'eth0'),
    false,
  )
}

export async function recreates(world: World): Promise<void> {
  const reconciler = await world.startWith(everything)
  const before = reconciler.history().length
  world.want(everything.map(entry => (entry === vxlan ? { ...vxlan, vni: 8 } : entry)))
  await world.converges()
  await reconciler.settled()
  const operations = reconciler.history().slice(before)
  assert.deepEqual(
    operations.map(({ op, key }) => `${op} ${key.split(' ')[0]}`),
    ['delete link', 'create link', 'create address', 'create neighbour', 'create fdb', 'create route'],
  )
  assert.deepEqual(reconciler.findings, [])
}

export async function makesTwins(world: World): Promise<void> {
  const twin = { ...vxlan, name: 'vx7-6', mac: '02:00:00:00:01:98', local: 'fd77::1' } as const
  const reconciler = await world.startWith([vxlan, twin])
  assert.deepEqual(reconciler.findings, [])
  assert.deepEqual(await world.difference(), [])
}

export async function movesPeer(world: World): Promise<void> {
  const reconciler = await world.startWith(overlay)
  world.want(overlay.map(entry => (entry === peerFdb ? { ...entry, dst: '192.168.77.9' } : entry)))
  await world.converges()
  await reconciler.settled()
  const last = reconciler.history().slice(-2)
  assert.deepEqual(
    last.map(({ op }) => op),
    ['delete', 'create'],
  )
}

export async function holds(world: World): Promise<void> {
  const reconciler = await world.startWith(overlay)
  reconciler.holdDeletes()
  world.want(overlay.slice(0, 3))
  await world.harness.eventually(() => reconciler.counters.passes > 1)
  await reconciler.settled()
  assert.equal((await world.difference()).length, 3)
  reconciler.releaseDeletes()
  await world.converges()
}

export async function waitsForLink(world: World): Promise<void> {
  const route: Entry = { kind: 'route', dst: '10.5.0.0/16', table: 254, metric: 0, link: 'late0' }
  const late: Entry = { kind: 'link', type: 'device', name: 'late0', claim: 'use', owner: OWNER }
  const reconciler = await world.startWith([late, route])
  assert.deepEqual(codes(reconciler), ['link-missing link late0'])
  world.harness.foreign.addDevice('late0')
  await world.converges()
  await reconciler.settled()
  assert.deepEqual(reconciler.findings, [])
}

export async function answersEarly(world: World): Promise<void> {
  const { kernel } = world.harness
  await kernel.observe()
  const told = new Set<string>()
  const stop = kernel.watch(event => {
    if (event.event === 'set') told.add(entryKey(event.observed.entry))
  })
  const answers: (readonly Outcome[])[] = []
  const onOutcomes = (outcomes: readonly Outcome[]) => answers.push(outcomes)
  const operations = [bridge, veth].map((entry): Operation => ({ op: 'create', entry, why: 'missing' }))
  const outcomes = await kernel.apply(operations, { ...world.context, onOutcomes })
  stop()
  assert.deepEqual(answers, [outcomes])
  assert.deepEqual(
    outcomes.map(({ error }) => error),
    [undefined, undefined],
  )
  for (const { entry } of operations) assert.ok(told.has(entryKey(entry)), `not told of ${entryKey(entry)}`)
}

export async function needsNamespace(world: World): Promise<void> {
  world.want([bridge, veth])
  const reconciler = await world.start()
  assert.deepEqual(codes(reconciler), ['namespace-needed link vh0'])
  const outcomes = await reconciler.run([entryKey(veth)], world.context)
  assert.deepEqual(
    outcomes.map(({ operation, error }) => [operation.op, error]),
    [['create', undefined]],
  )
  assert.deepEqual(reconciler.findings, [])
  assert.deepEqual(await world.difference(), [])
}
