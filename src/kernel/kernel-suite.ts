import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Clock, silentLogger } from '../base/index.ts'
import { Graph, type Source } from '../derive/index.ts'
import { diff } from './diff.ts'
import { type Entry, entryKey, type LinkEntry, type NftTableEntry, type RouteEntry } from './entry.ts'
import { applyOnce, checkOnce } from './once.ts'
import type { Kernel, NamespaceHandle, ObservedEntry } from './operation.ts'
import { Reconciler } from './reconciler.ts'

/** Another program on the same machine: everything it makes is unmarked. */
export interface Foreign {
  /** A device that is there before us, up. */
  addDevice(name: string): void
  /** Over what is there, if `replace`. */
  add(entry: Entry, replace?: boolean): void
  remove(entry: Entry): void
  setLink(name: string, changes: { up?: boolean; mtu?: number; mac?: string }): void
  rename(from: string, to: string): void
  /** `ip route flush proto 113`, both families. */
  flushOurRoutes(): void
  /** Adds a rule to a chain of somebody's table. */
  editTable(table: NftTableEntry): void
}

/** One kernel under test, with another program, a pod's namespace and time. */
export interface Harness {
  readonly kernel: Kernel
  readonly foreign: Foreign
  readonly pod: { readonly handle: NamespaceHandle; readonly kernel: Kernel }
  readonly clock: Clock
  /** The same namespace as a program sees it that starts now. */
  restart(): Kernel
  /** Changes that anybody made to the namespace since the last call. */
  modifications(): number
  /** What happens meanwhile is too much for the event queue. */
  overflow(meanwhile: () => void): void
  /** Lets events and timers come until `holds`; fails after a while. */
  eventually(holds: () => boolean | Promise<boolean>): Promise<void>
  close(): void
}

const OWNER = 'suite'
const PEER_MAC = '02:00:00:00:02:00'

const uplink: LinkEntry = { kind: 'link', type: 'device', name: 'uplink', claim: 'use', owner: OWNER }
const bridge: LinkEntry = { kind: 'link', type: 'bridge', name: 'br0', claim: 'own', owner: OWNER, up: true }
const vxlan = {
  kind: 'link',
  type: 'vxlan',
  name: 'vx7',
  claim: 'own',
  owner: OWNER,
  vni: 7,
  udpPort: 8472,
  local: '192.168.77.1',
  device: 'uplink',
  learning: false,
  gbp: false,
  mac: '02:00:00:00:01:00',
  mtu: 1400,
  up: true,
} as const satisfies LinkEntry
const veth: LinkEntry = {
  kind: 'link',
  type: 'veth',
  name: 'vh0',
  claim: 'own',
  owner: 'pod default/web-1 eth0',
  master: 'br0',
  bridgePort: { hairpin: true, isolated: true },
  peer: { name: 'eth0', netns: 'pod', mac: '02:00:00:00:01:02', mtu: 1400 },
  mtu: 1400,
  up: true,
}
const macvlan: LinkEntry = {
  kind: 'link',
  type: 'macvlan',
  name: 'mv0',
  claim: 'own',
  owner: OWNER,
  device: 'uplink',
  mode: 'bridge',
}
const table: NftTableEntry = {
  kind: 'nft-table',
  family: 'ip',
  name: 'podlace-suite',
  sets: [
    { name: 'pods', type: 'set', interval: true, key: ['ipv4_addr'] },
    { name: 'marks', type: 'map', interval: false, key: ['ipv4_addr'], value: ['mark'] },
  ],
  chains: [
    {
      name: 'postrouting',
      hook: { type: 'nat', hook: 'postrouting', priority: 100, policy: 'accept' },
      rules: [
        {
          comment: 'pods among themselves',
          match: [
            { on: 'source', set: 'pods' },
            { on: 'destination', set: 'pods' },
          ],
          verdict: { do: 'return' },
        },
        { comment: 'pods outwards', match: [{ on: 'source', set: 'pods' }], verdict: { do: 'masquerade' } },
      ],
    },
    { name: 'later', rules: [] },
  ],
}
const defaultRoute: RouteEntry = {
  kind: 'route',
  dst: '10.9.0.0/24',
  table: 254,
  metric: 0,
  link: 'br0',
  gateway: '10.244.1.5',
}
const peerRoute: RouteEntry = {
  kind: 'route',
  dst: '10.244.2.0/24',
  table: 254,
  metric: 0,
  link: 'vx7',
  gateway: '10.244.2.0',
  onlink: true,
}
const peerNeighbour: Entry = { kind: 'neighbour', link: 'vx7', address: '10.244.2.0', mac: PEER_MAC }
const peerFdb: Entry = { kind: 'fdb', link: 'vx7', mac: PEER_MAC, dst: '192.168.77.2' }
const overlay: readonly Entry[] = [
  uplink,
  vxlan,
  { kind: 'address', link: 'vx7', address: '10.244.1.0/32' },
  peerRoute,
  peerNeighbour,
  peerFdb,
]
/** One of every kind; the order is not the one in which they can be made. */
const everything: readonly Entry[] = [
  { kind: 'nft-element', family: 'ip', table: table.name, set: 'pods', key: ['10.244.0.0/16'] },
  { kind: 'nft-element', family: 'ip', table: table.name, set: 'marks', key: ['10.0.0.1'], value: ['0x1'] },
  table,
  { kind: 'rule', family: 4, priority: 1000, src: '10.244.0.0/16', table: 100 },
  { kind: 'route', dst: '10.244.0.0/16', table: 100, metric: 0, type: 'blackhole' },
  defaultRoute,
  { kind: 'route', dst: 'fd00:2::/64', table: 254, metric: 1024, link: 'br0', gateway: 'fd00:1::2' },
  { kind: 'address', link: 'br0', address: '10.244.1.1/24' },
  { kind: 'address', link: 'br0', address: 'fd00:1::1/64' },
  { kind: 'sysctl', path: 'ipv4/conf/br0/proxy_arp', value: '1' },
  veth,
  macvlan,
  ...overlay,
  bridge,
]

/** What holds for every `Kernel` and the reconciler on it. */
export function kernelSuite(name: string, createHarness: () => Promise<Harness>): void {
  /** A test with a harness of its own that is always closed. */
  const it = (title: string, body: (world: World) => Promise<void>) =>
    test(title, async () => {
      const harness = await createHarness()
      const world = new World(harness)
      try {
        harness.foreign.addDevice('uplink')
        await body(world)
      } finally {
        await world.close()
        harness.close()
      }
    })

  describe(`${name}: converging`, () => {
    it('makes one of everything in a working order, and then rests', makesEverything)
    it('writes nothing when started over what is there', restartWritesNothing)
    it('changes in place what can be, and makes the rest anew', changes)
    it('removes what is no longer desired, and only that', removes)
    it('makes a link anew when a defining attribute changes, with all that hangs on it', recreates)
    it('moves a peer to another underlay address', movesPeer)
    it('holds deletions until they are released', holds)
    it('reports a link that must exist, and goes on when it comes', waitsForLink)
    it('wants a namespace for a veth, and converges when run with it', needsNamespace)
  })
  describe(`${name}: other programs`, () => {
    it('adopts a link whose definition matches', adopts)
    it('refuses a foreign link, route, neighbour and table under its keys', refuses)
    it('does nothing to a foreign link in whose place one could not be made', sparesNamesake)
    it('deletes many links at once, and only those', deletesManyLinks)
    it('says that an equal foreign route is not ours', equalForeign)
    it('sees that a foreign route went with the last address of its link', seesSilentLoss)
    it('takes an element whose table is gone for gone', missesTable)
    it('repairs what is removed, of every kind', repairsRemoval)
    it('repairs routes flushed by protocol', repairsFlush)
    it('repairs MAC, MTU, a link set down, and a moved FDB entry', repairsChanges)
    it('replays all peers when the vxlan device is deleted', replaysPeers)
    it('makes a renamed link anew under its name', repairsRename)
    it('repairs an edited table', repairsTable)
    it('observes again after an overflow', survivesOverflow)
  })
  describe(`${name}: a pod's namespace`, () => {
    it('is set up without being observed, checked, and seen to be damaged', setsUpPod)
    it('keeps what somebody else set up there', keepsForeignInPod)
  })
}

/** A harness with reconcilers over it. */
class World {
  readonly harness: Harness
  readonly desired: Source<Entry>
  private readonly graph = new Graph()
  private readonly reconcilers: Reconciler[] = []

  constructor(harness: Harness) {
    this.harness = harness
    this.desired = this.graph.source<Entry>('desired')
  }

  want(entries: readonly Entry[]): void {
    this.desired.replace(entries.map(entry => [entryKey(entry), entry]))
  }

  async start(kernel: Kernel = this.harness.kernel): Promise<Reconciler> {
    const { clock } = this.harness
    const reconciler = new Reconciler({ kernel, desired: this.desired, clock, log: silentLogger })
    this.reconcilers.push(reconciler)
    await reconciler.start()
    await reconciler.settled()
    return reconciler
  }

  /** Starts with these entries desired, and with the pod's namespace at hand. */
  async startWith(entries: readonly Entry[]): Promise<Reconciler> {
    const reconciler = await this.start()
    this.want(entries)
    await reconciler.run(entries.map(entryKey), this.context)
    await reconciler.settled()
    return reconciler
  }

  get context() {
    return { namespaces: new Map([['pod', this.harness.pod.handle]]) }
  }

  async observed(): Promise<Map<string, ObservedEntry>> {
    const kernel = this.harness.restart()
    const items = await kernel.observe([...this.desired.entries()].map(([, entry]) => entry))
    kernel.close()
    return new Map(items.map(item => [entryKey(item.entry), item]))
  }

  /** The plan that is left. */
  async difference(): Promise<string[]> {
    const plan = diff(new Map(this.desired.entries()), await this.observed())
    return [
      ...plan.operations.map(({ op, entry }) => `${op} ${entryKey(entry)}`),
      ...plan.findings.map(({ code, key }) => `${code} ${key}`),
    ]
  }

  async converges(): Promise<void> {
    await this.harness.eventually(async () => (await this.difference()).length === 0)
  }

  async close(): Promise<void> {
    for (const reconciler of this.reconcilers) await reconciler.stop()
  }
}

function codes(reconciler: Reconciler): string[] {
  return reconciler.findings.map(({ code, key }) => `${code} ${key}`).toSorted()
}

async function makesEverything(world: World): Promise<void> {
  const reconciler = await world.startWith(everything)
  assert.deepEqual(reconciler.findings, [])
  assert.deepEqual(await world.difference(), [])
  assert.equal(reconciler.counters.operations, everything.length - 1)
  assert.equal(reconciler.counters.repairs, 0)
  const { passes } = reconciler.counters
  await reconciler.audit()
  assert.equal(reconciler.counters.operations, everything.length - 1)
  assert.equal(reconciler.counters.passes, passes + 1)
}

async function restartWritesNothing(world: World): Promise<void> {
  const first = await world.startWith(everything)
  await first.stop()
  world.harness.modifications()
  const second = await world.start(world.harness.restart())
  assert.equal(second.counters.operations, 0)
  assert.deepEqual(second.findings, [])
  assert.equal(world.harness.modifications(), 0)
}

async function changes(world: World): Promise<void> {
  const reconciler = await world.startWith(everything)
  const before = reconciler.history().length
  const rules = table.chains[0]?.rules.slice(1) ?? []
  const changed = new Map<string, Entry>()
  for (const entry of [
    { ...vxlan, mtu: 1300, mac: '02:00:00:00:01:99' },
    { ...veth, owner: 'pod default/web-2 eth0', bridgePort: { hairpin: false, isolated: true } },
    { ...defaultRoute, gateway: '10.244.1.6', mtu: 1300 },
    { kind: 'neighbour', link: 'vx7', address: '10.244.2.0', mac: '02:00:00:00:02:99' },
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

async function removes(world: World): Promise<void> {
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

async function recreates(world: World): Promise<void> {
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

async function movesPeer(world: World): Promise<void> {
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

async function holds(world: World): Promise<void> {
  const reconciler = await world.startWith(overlay)
  reconciler.holdDeletes()
  world.want(overlay.slice(0, 3))
  await world.harness.eventually(() => reconciler.counters.passes > 1)
  await reconciler.settled()
  assert.equal((await world.difference()).length, 3)
  reconciler.releaseDeletes()
  await world.converges()
}

async function waitsForLink(world: World): Promise<void> {
  const route: Entry = { kind: 'route', dst: '10.5.0.0/16', table: 254, metric: 0, link: 'late0' }
  const late: Entry = { kind: 'link', type: 'device', name: 'late0', claim: 'use', owner: OWNER }
  const reconciler = await world.startWith([late, route])
  assert.deepEqual(codes(reconciler), ['link-missing link late0'])
  world.harness.foreign.addDevice('late0')
  await world.converges()
  await reconciler.settled()
  assert.deepEqual(reconciler.findings, [])
}

async function needsNamespace(world: World): Promise<void> {
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

async function adopts(world: World): Promise<void> {
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

async function refuses(world: World): Promise<void> {
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
async function sparesNamesake({ harness: { kernel, foreign } }: World): Promise<void> {
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

async function deletesManyLinks({ harness: { kernel } }: World): Promise<void> {
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

async function equalForeign(world: World): Promise<void> {
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
async function seesSilentLoss(world: World): Promise<void> {
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

async function missesTable({ harness: { kernel } }: World): Promise<void> {
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

async function repairsRemoval(world: World): Promise<void> {
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

async function repairsFlush(world: World): Promise<void> {
  const reconciler = await world.startWith(everything)
  const theirs: Entry = { kind: 'route', dst: '10.77.0.0/24', table: 254, metric: 5, link: 'uplink' }
  world.harness.foreign.add(theirs)
  world.harness.foreign.flushOurRoutes()
  await world.converges()
  await reconciler.settled()
  assert.equal(reconciler.counters.repairs, everything.filter(({ kind }) => kind === 'route').length)
  assert.equal((await world.observed()).get(entryKey(theirs))?.mark, 'foreign')
}

async function repairsChanges(world: World): Promise<void> {
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
  await reconciler.settled()
  assert.ok(reconciler.counters.repairs >= 7)
  assert.equal(reconciler.counters.resyncs, 0)
  assert.deepEqual(reconciler.findings, [])
}

async function replaysPeers(world: World): Promise<void> {
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

async function repairsRename(world: World): Promise<void> {
  const reconciler = await world.startWith(overlay)
  world.harness.foreign.setLink('vx7', { up: false })
  world.harness.foreign.rename('vx7', 'stolen')
  await world.converges()
  await reconciler.settled()
  assert.equal((await world.observed()).has('link stolen'), false)
}

async function repairsTable(world: World): Promise<void> {
  const reconciler = await world.startWith(everything)
  world.harness.foreign.editTable(table)
  await world.harness.eventually(() => reconciler.counters.repairs > 0)
  await world.converges()
}

async function survivesOverflow(world: World): Promise<void> {
  const reconciler = await world.startWith(everything)
  world.harness.overflow(() => {
    world.harness.foreign.remove(peerRoute)
    world.harness.foreign.remove(peerFdb)
  })
  await world.converges()
  await reconciler.settled()
  assert.ok(reconciler.counters.resyncs > 0)
}

const podEntries: readonly Entry[] = [
  { kind: 'link', type: 'device', name: 'lo', claim: 'use', owner: OWNER, up: true },
  { kind: 'route', dst: '0.0.0.0/0', table: 254, metric: 0, link: 'eth0', gateway: '10.244.1.1' },
  { kind: 'address', link: 'eth0', address: '10.244.1.2/24' },
  { kind: 'sysctl', path: 'ipv4/conf/eth0/arp_notify', value: '1' },
  { kind: 'link', type: 'device', name: 'eth0', claim: 'use', owner: OWNER, up: true, mtu: 1400 },
]

async function setsUpPod(world: World): Promise<void> {
  await world.startWith([bridge, veth])
  const { kernel } = world.harness.pod
  const outcomes = await applyOnce(kernel, podEntries)
  assert.deepEqual(
    outcomes.filter(({ error }) => error !== undefined),
    [],
  )
  assert.deepEqual(await checkOnce(kernel, podEntries), [])
  // Again, as a runtime may do: everything is there.
  const again = await applyOnce(kernel, podEntries)
  assert.deepEqual(
    again.filter(({ error }) => error !== undefined),
    [],
  )
  const address = podEntries.filter(({ kind }) => kind === 'address')
  await kernel.apply(address.map(entry => ({ op: 'delete', entry, why: 'stale' })))
  const plan = await checkOnce(kernel, podEntries)
  assert.deepEqual(
    plan.map(({ op, entry }) => `${op} ${entry.kind}`),
    ['create address', 'create route'],
  )
}

async function keepsForeignInPod(world: World): Promise<void> {
  await world.startWith([bridge, veth])
  const { kernel } = world.harness.pod
  await applyOnce(kernel, podEntries)
  const other = podEntries.map(entry =>
    entry.kind === 'route' ? { ...entry, gateway: '10.244.1.9' } : entry,
  )
  const outcomes = await applyOnce(kernel, other)
  // The route is ours, so it may change; an address of another scope would not.
  assert.deepEqual(
    outcomes.flatMap(({ error }) => (error === undefined ? [] : [error.code])),
    [],
  )
  assert.deepEqual(await checkOnce(kernel, other), [])
}
