import assert from 'node:assert/strict'
import { type Entry, entryKey, type RouteEntry } from '../entry.ts'
import {
  bridge,
  everything,
  ifb,
  overlay,
  PEER_MAC,
  peerFdb,
  peerRoute,
  redirect,
  table,
  tokenBucket,
  uplink,
  vxlan,
} from './entries.ts'
import { codes, type World } from './world.ts'

export async function adopts(world: World): Promise<void> {
  const { foreign } = world.harness
  foreign.add({ ...vxlan, mtu: 1350 })
  foreign.add({ kind: 'fdb', link: 'vx7', mac: '02:00:00:00:03:00', dst: '192.168.77.3' })
  const reconciler = await world.startWith(overlay)
  assert.deepEqual(await world.difference(), [])
  const ops = reconciler.history().filter(({ key }) => key === 'link vx7')
  assert.deepEqual(
    ops.map(({ op }) => op),
    ['adopt', 'change'],
  )
  // What hangs on it is ours now: the entry of a peer that nobody wants is gone.
  const stale = [...(await world.observed()).keys()].filter(key => key.startsWith('fdb 02:00:00:00:03:00'))
  assert.deepEqual(stale, [])
}

export async function refuses(world: World): Promise<void> {
  const { foreign } = world.harness
  foreign.add({ ...vxlan, vni: 99 })
  const route: RouteEntry = { kind: 'route', dst: '10.6.0.0/16', table: 254, metric: 0, link: 'uplink' }
  foreign.add({ ...route, mtu: 1300 })
  const neighbour = { kind: 'neighbour', link: 'uplink', address: '10.77.0.9', mac: PEER_MAC } as const
  foreign.add({ ...neighbour, mac: '02:00:00:00:09:09' })
  foreign.add({ ...table, chains: [], sets: [] })
  const foreignKeys = [...(await world.observed()).keys()]
  const reconciler = await world.startWith([...overlay, { ...route, mtu: 1200 }, neighbour, table])
  assert.deepEqual(codes(reconciler), [
    'foreign-object link vx7',
    'foreign-object neighbour 10.77.0.9 dev uplink',
    `foreign-object nft-table ip ${table.name}`,
    'foreign-object route 10.6.0.0/16 table 254 metric 0',
  ])
  assert.match(reconciler.findings[0]?.message ?? '', /wanted .* but there is/)
  assert.equal(reconciler.counters.operations, 0)
  assert.deepEqual(
    [...(await world.observed()).keys()].filter(key => !key.startsWith('sysctl')),
    foreignKeys,
  )
  // When it is out of the way, the own one comes.
  foreign.remove({ ...vxlan, vni: 99 })
  foreign.remove(route)
  foreign.remove(neighbour)
  foreign.remove(table)
  await world.converges()
}

/** The plan was made before the other program came. */
export async function sparesNamesake({ harness: { kernel, foreign } }: World): Promise<void> {
  foreign.addDevice('br0')
  const before = await kernel.observe()
  const plan: readonly Entry[] = [
    bridge,
    { kind: 'sysctl', path: 'ipv4/conf/br0/proxy_arp', value: '1' },
    { kind: 'address', link: 'br0', address: '10.244.1.1/24' },
    { kind: 'route', dst: '10.9.0.0/16', table: 254, metric: 0, link: 'br0', scope: 'link' },
  ]
  const outcomes = await kernel.apply(plan.map(entry => ({ op: 'create', entry, why: 'missing' })))
  assert.deepEqual(
    outcomes.map(({ error }) => error?.code),
    ['kernel.exists', 'kernel.link-missing', 'kernel.link-missing', 'kernel.link-missing'],
  )
  assert.deepEqual(await kernel.observe(), before)
}

export async function deletesManyLinks({ harness: { kernel } }: World): Promise<void> {
  const bridges = [1, 2, 3, 4].map((n): Entry => ({ ...bridge, name: `br${n}` }))
  await kernel.apply(bridges.map(entry => ({ op: 'create', entry, why: 'missing' })))
  const [kept, ...doomed] = bridges
  const gone: Entry = { ...bridge, name: 'never-there' }
  const outcomes = await kernel.apply([...doomed, gone].map(entry => ({ op: 'delete', entry, why: 'stale' })))
  assert.deepEqual(
    outcomes.map(({ error }) => error?.message),
    [undefined, undefined, undefined, undefined],
  )
  const keys = new Set((await kernel.observe()).map(({ entry }) => entryKey(entry)))
  assert.ok(kept !== undefined && keys.has(entryKey(kept)))
  for (const entry of doomed) assert.ok(!keys.has(entryKey(entry)))
}

export async function equalForeign(world: World): Promise<void> {
  const route: RouteEntry = { kind: 'route', dst: '10.6.0.0/16', table: 254, metric: 0, link: 'uplink' }
  world.harness.foreign.add(route)
  const reconciler = await world.startWith([uplink, route])
  assert.deepEqual(
    reconciler.findings.map(({ code, severity }) => [code, severity]),
    [['foreign-equal', 'info']],
  )
  world.want([uplink])
  await reconciler.settled()
  assert.equal((await world.observed()).has(entryKey(route)), true)
}

/** The kernel tells nobody of IPv4 routes that go so, whosever they are. */
export async function seesSilentLoss(world: World): Promise<void> {
  const { foreign } = world.harness
  const route: RouteEntry = { kind: 'route', dst: '10.6.0.0/16', table: 254, metric: 0, link: 'uplink' }
  const address: Entry = { kind: 'address', link: 'uplink', address: '10.77.0.1/24' }
  foreign.add(address)
  foreign.add(route)
  const reconciler = await world.startWith([uplink, { ...route, mtu: 1300 }])
  assert.deepEqual(codes(reconciler), [`foreign-object ${entryKey(route)}`])
  foreign.remove(address)
  await world.converges()
  await reconciler.settled()
  assert.deepEqual(reconciler.findings, [])
}

export async function missesTable({ harness: { kernel } }: World): Promise<void> {
  const entry = everything.find(({ kind }) => kind === 'nft-element')
  assert.ok(entry)
  const outcomes = [
    ...(await kernel.apply([{ op: 'create', entry, why: 'missing' }])),
    ...(await kernel.apply([{ op: 'delete', entry, before: entry, why: 'stale' }])),
  ]
  assert.deepEqual(
    outcomes.map(({ error }) => error?.code),
    ['kernel.not-found', undefined],
  )
}

export async function repairsRemoval(world: World): Promise<void> {
  const reconciler = await world.startWith(everything)
  const removable = everything.filter(({ kind }) => kind !== 'sysctl' && kind !== 'link')
  for (const entry of removable) {
    world.harness.foreign.remove(entry)
    await world.converges()
  }
  await reconciler.settled()
  assert.ok(reconciler.counters.repairs >= removable.length)
  assert.deepEqual(reconciler.findings, [])
}

export async function repairsFlush(world: World): Promise<void> {
  const reconciler = await world.startWith(everything)
  const theirs: Entry = { kind: 'route', dst: '10.77.0.0/24', table: 254, metric: 5, link: 'uplink' }
  world.harness.foreign.add(theirs)
  world.harness.foreign.flushOurRoutes()
  await world.converges()
  await reconciler.settled()
  assert.equal(reconciler.counters.repairs, everything.filter(({ kind }) => kind === 'route').length)
  assert.equal((await world.observed()).get(entryKey(theirs))?.mark, 'foreign')
}

export async function repairsChanges(world: World): Promise<void> {
  const reconciler = await world.startWith(everything)
  const { foreign } = world.harness
  foreign.setLink('vx7', { mac: '02:00:00:00:66:66' })
  await world.converges()
  foreign.setLink('vx7', { mtu: 1280 })
  await world.converges()
  // Its routes go with it, and nobody says so.
  foreign.setLink('vx7', { up: false })
  await world.converges()
  foreign.setLink('br0', { up: false })
  await world.converges()
  foreign.add({ kind: 'fdb', link: 'vx7', mac: PEER_MAC, dst: '192.168.77.66' }, true)
  await world.converges()
  foreign.add({ ...tokenBucket, qdisc: { type: 'other', name: 'pfifo' } }, true)
  await world.converges()
  await reconciler.settled()
  assert.ok(reconciler.counters.repairs >= 8)
  assert.equal(reconciler.counters.resyncs, 0)
  assert.deepEqual(reconciler.findings, [])
}

/** Also of a link that is made anew, which leaves checksums to its device as every new one does. */
export async function repairsOffload(world: World): Promise<void> {
  const { foreign, kernel } = world.harness
  const offload = { kind: 'offload', link: 'vx7', txChecksum: false } as const
  const reconciler = await world.startWith([...overlay, offload])
  await world.converges()
  foreign.setTxChecksum('vx7', true)
  await world.converges()
  foreign.remove(vxlan)
  await world.converges()
  await reconciler.settled()
  assert.deepEqual(reconciler.findings, [])
  assert.equal(reconciler.counters.resyncs, 0)
  // A setting stays when nobody wants it any more.
  world.want(overlay)
  await world.converges()
  assert.deepEqual(kernel.readSetting({ ...offload, txChecksum: true })?.entry, offload)
  foreign.remove(vxlan)
  await world.converges()
  assert.deepEqual(kernel.readSetting(offload)?.entry, { ...offload, txChecksum: true })
}

/** The filter stays, and drops what it should pass on; that link and its qdisc come again. */
export async function repairsRedirect(world: World): Promise<void> {
  const reconciler = await world.startWith(everything)
  world.harness.foreign.remove(ifb)
  await world.converges()
  await reconciler.settled()
  assert.equal(reconciler.counters.repairs, 3)
  assert.deepEqual(reconciler.findings, [])
  world.want(everything.filter(entry => entry !== ifb && entry !== redirect && entry !== tokenBucket))
  await world.converges()
  await reconciler.settled()
  assert.deepEqual(
    reconciler
      .history()
      .slice(-2)
      .map(({ op, key }) => `${op} ${key}`),
    ['delete redirect dev vh0', 'delete link ifb7'],
  )
}

/** What another program has there is nobody's business until something is wanted in its place. */
export async function sparesQdiscs(world: World): Promise<void> {
  const other: Entry = { ...tokenBucket, link: 'uplink', qdisc: { type: 'other', name: 'pfifo' } }
  world.harness.foreign.add(other)
  const reconciler = await world.startWith([uplink])
  const mine = { ...tokenBucket, link: 'uplink' }
  assert.deepEqual((await world.observed()).get(entryKey(mine)), { entry: other, mark: 'foreign' })
  world.want([uplink, mine])
  await world.converges()
  await reconciler.settled()
  assert.deepEqual((await world.observed()).get(entryKey(mine)), { entry: mine, mark: 'ours' })
  world.want([uplink])
  await world.converges()
  assert.equal((await world.observed()).has(entryKey(mine)), false)
}

export async function replaysPeers(world: World): Promise<void> {
  const peers = [3, 4, 5].flatMap((n): Entry[] => [
    { ...peerRoute, dst: `10.244.${n}.0/24`, gateway: `10.244.${n}.0` },
    { kind: 'neighbour', link: 'vx7', address: `10.244.${n}.0`, mac: `02:00:00:00:0${n}:00` },
    { kind: 'fdb', link: 'vx7', mac: `02:00:00:00:0${n}:00`, dst: `192.168.77.${n}` },
  ])
  const reconciler = await world.startWith([...overlay, ...peers])
  world.harness.foreign.remove(vxlan)
  await world.converges()
  await reconciler.settled()
  assert.equal(reconciler.counters.repairs, 2 + 3 + peers.length)
  assert.deepEqual(
    reconciler.history().filter(({ error }) => error !== undefined),
    [],
  )
}

export async function repairsRename(world: World): Promise<void> {
  const reconciler = await world.startWith(overlay)
  world.harness.foreign.setLink('vx7', { up: false })
  world.harness.foreign.rename('vx7', 'stolen')
  await world.converges()
  await reconciler.settled()
  assert.equal((await world.observed()).has('link stolen'), false)
}

export async function repairsTable(world: World): Promise<void> {
  const reconciler = await world.startWith(everything)
  world.harness.foreign.editTable(table)
  await world.harness.eventually(() => reconciler.counters.repairs > 0)
  await world.converges()
}

export async function survivesOverflow(world: World): Promise<void> {
  const reconciler = await world.startWith(everything)
  world.harness.overflow(() => {
    world.harness.foreign.remove(peerRoute)
    world.harness.foreign.remove(peerFdb)
  })
  await world.converges()
  await reconciler.settled()
  assert.ok(reconciler.counters.resyncs > 0)
}
