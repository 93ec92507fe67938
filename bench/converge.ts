/**
 * What the reconciler costs on the real kernel with many peers: a route, a neighbour and an FDB entry each, on one
 * vxlan link, in a namespace of its own. The peer is `ip -batch` and `bridge -batch` with the same entries; that both
 * made them is checked before their times count.
 */
import { spawnSync } from 'node:child_process'
import { silentLogger, systemClock } from '../src/base/index.ts'
import { Graph, type Source } from '../src/derive/index.ts'
import { type Entry, entryKey, NetlinkKernel, Reconciler } from '../src/kernel/index.ts'
import { NetlinkEvents, Netns } from '../src/sys/index.ts'
import { interleave, type Row, toRow } from './stats.ts'
import type { Bench, BenchContext } from './support/bench.ts'

const PEERS = 5000
const ROUNDS = 6
const REPAIRS = 50

export const bench: Bench = {
  what: 'routes, neighbours and FDB entries of many peers: ours against ip -batch and bridge -batch',
  async run(context) {
    const size = context.quick ? { peers: 500, rounds: 2 } : { peers: PEERS, rounds: ROUNDS }
    const rows = await installAll(context, size.peers, size.rounds)
    return [...rows, ...(await follow(context, size.peers))]
  },
}

/** First apply of all peers, ours and by hand, in turn; each in a fresh namespace. */
async function installAll(context: BenchContext, peerCount: number, rounds: number): Promise<Row[]> {
  const cpu: number[] = []
  const entries = [...links(), ...peers(peerCount)]
  const byUs = () =>
    withNamespace(async netns => {
      context.signal.throwIfAborted()
      const started = performance.now()
      const cpuBefore = process.cpuUsage()
      const { kernel, reconciler } = await start(netns, entries)
      const tookMs = performance.now() - started
      cpu.push(cpuMs(cpuBefore))
      check(netns, 3 * peerCount)
      await reconciler.stop()
      kernel.close()
      return [tookMs]
    })
  const byHand = () =>
    withNamespace(async netns => {
      prepareByHand(netns)
      const [ip, bridge] = batches(peerCount)
      const started = performance.now()
      run(netns, ['ip', '-batch', '-'], ip)
      run(netns, ['bridge', '-batch', '-'], bridge)
      const tookMs = performance.now() - started
      check(netns, 3 * peerCount)
      return [tookMs]
    })
  context.note(`first apply of ${peerCount} peers, ${rounds} rounds`)
  const { ours, peer } = await interleave(rounds, byUs, byHand)
  return [
    toRow({ name: 'first apply', unit: 'ms', better: 'lower', ours, peer }),
    plain('first apply, CPU', 'ms', cpu),
  ]
}

async function follow(context: BenchContext, peerCount: number): Promise<Row[]> {
  return withNamespace(async netns => {
    const entries = [...links(), ...peers(peerCount)]
    const { kernel, reconciler, desired } = await start(netns, entries)
    context.note('changes, repairs, restart')
    try {
      return [
        ...(await changeOne(reconciler, desired)),
        ...(await repair(netns, reconciler)),
        ...(await restart(netns, entries)),
      ]
    } finally {
      await reconciler.stop()
      kernel.close()
    }
  })
}

function plain(name: string, unit: string, ours: readonly number[]): Row {
  return toRow({ name, unit, better: 'lower', ours })
}

/** A node moves to another underlay address and back: CPU of this process for one change. */
async function changeOne(reconciler: Reconciler, desired: Source<Entry>): Promise<Row[]> {
  const costs: number[] = []
  const latencies: number[] = []
  for (let i = 0; i < REPAIRS; i += 1) {
    const [, neighbour] = peerEntries(i)
    const moved: Entry = { ...neighbour, mac: `02:ff:00:00:00:${hex(i)}` }
    const cpuBefore = process.cpuUsage()
    const started = performance.now()
    desired.set(entryKey(moved), moved)
    await reconciler.settled()
    latencies.push(performance.now() - started)
    costs.push(cpuMs(cpuBefore))
    desired.set(entryKey(neighbour), neighbour)
    await reconciler.settled()
  }
  return [
    plain('one peer changes, CPU', 'ms', costs),
    plain('one peer changes, until in the kernel', 'ms', latencies),
  ]
}

/** Another program deletes a route; until it is back, from the return of that program's call. */
async function repair(netns: Netns, reconciler: Reconciler): Promise<Row[]> {
  const latencies: number[] = []
  const intruder = new NetlinkKernel({ netns })
  for (let i = 0; i < REPAIRS; i += 1) {
    const [route] = peerEntries(i)
    const repaired = reconciler.counters.repairs + 1
    await intruder.apply([{ op: 'delete', entry: route, why: 'stale' }])
    const started = performance.now()
    while (reconciler.counters.repairs < repaired) await new Promise(resolve => setImmediate(resolve))
    latencies.push(performance.now() - started)
  }
  return [
    plain('deleted route is back, p50', 'ms', latencies),
    plain('deleted route is back, max', 'ms', [Math.max(...latencies)]),
  ]
}

async function restart(netns: Netns, entries: readonly Entry[]): Promise<Row[]> {
  const monitor = NetlinkEvents.openIn(netns, 'route', [1, 3, 5, 7, 8, 9, 11, 19])
  const started = performance.now()
  const cpuBefore = process.cpuUsage()
  const { kernel, reconciler } = await start(netns, entries)
  const rows = [
    plain('restart', 'ms', [performance.now() - started]),
    plain('restart, CPU', 'ms', [cpuMs(cpuBefore)]),
  ]
  const { datagrams, overflow } = monitor.drain()
  const writes = reconciler.counters.operations + datagrams.length + Number(overflow)
  rows.push(plain('restart, writes', 'messages', [writes]))
  rows.push(plain('event loop held by an audit', 'ms', [await longestHold(() => reconciler.audit())]))
  monitor.close()
  await reconciler.stop()
  kernel.close()
  return rows
}

/** The longest time between two turns of the event loop while `task` runs. */
async function longestHold(task: () => Promise<void>): Promise<number> {
  const watch = { longest: 0, last: performance.now(), done: false }
  const turn = () => {
    const now = performance.now()
    watch.longest = Math.max(watch.longest, now - watch.last)
    watch.last = now
    if (!watch.done) setImmediate(turn)
  }
  setImmediate(turn)
  await task()
  watch.done = true
  return watch.longest
}

async function start(netns: Netns, entries: readonly Entry[]) {
  const desired = new Graph().source<Entry>('desired')
  desired.replace(entries.map(entry => [entryKey(entry), entry]))
  const kernel = new NetlinkKernel({
    netns,
    openEvents: (protocol, groups, options) => NetlinkEvents.openIn(netns, protocol, groups, options),
  })
  const reconciler = new Reconciler({ kernel, desired, clock: systemClock, log: silentLogger })
  await reconciler.start()
  await reconciler.settled()
  if (reconciler.findings.length > 0) throw new Error(reconciler.findings[0]?.message)
  return { kernel, reconciler, desired }
}

function links(): Entry[] {
  const owner = 'bench'
  return [
    { kind: 'link', type: 'bridge', name: 'uplink', claim: 'own', owner, up: true },
    {
      kind: 'link',
      type: 'vxlan',
      name: 'vx1',
      claim: 'own',
      owner,
      vni: 1,
      udpPort: 8472,
      local: '192.168.77.1',
      device: 'uplink',
      learning: false,
      gbp: false,
      up: true,
    },
    { kind: 'address', link: 'vx1', address: '10.0.0.1/32' },
  ]
}

function peers(count: number): Entry[] {
  return Array.from({ length: count }, (_, i) => peerEntries(i)).flat()
}

function peerEntries(i: number): [Entry, Extract<Entry, { kind: 'neighbour' }>, Entry] {
  const { network, gateway, mac, underlay } = peer(i)
  return [
    { kind: 'route', dst: network, table: 254, metric: 0, link: 'vx1', gateway, onlink: true },
    { kind: 'neighbour', link: 'vx1', address: gateway, mac },
    { kind: 'fdb', link: 'vx1', mac, dst: underlay },
  ]
}

function peer(i: number) {
  const [high, low] = [(i >> 8) + 1, i & 255]
  return {
    network: `10.${high}.${low}.0/24`,
    gateway: `10.${high}.${low}.0`,
    mac: `02:00:00:00:${hex(high)}:${hex(low)}`,
    underlay: `172.16.${high}.${low}`,
  }
}

function prepareByHand(netns: Netns): void {
  const lines = [
    'link add uplink type bridge',
    'link set uplink up',
    'link add vx1 type vxlan id 1 local 192.168.77.1 dev uplink dstport 8472 nolearning',
    'link set vx1 up',
    'address add 10.0.0.1/32 dev vx1',
  ]
  run(netns, ['ip', '-batch', '-'], lines.join('\n'))
}

function batches(count: number): [string, string] {
  const ip: string[] = []
  const bridge: string[] = []
  for (let i = 0; i < count; i += 1) {
    const { network, gateway, mac, underlay } = peer(i)
    ip.push(`route add ${network} via ${gateway} dev vx1 onlink proto 113`)
    ip.push(`neigh add ${gateway} lladdr ${mac} dev vx1 nud permanent protocol 113`)
    bridge.push(`fdb add ${mac} dev vx1 dst ${underlay}`)
  }
  return [ip.join('\n'), bridge.join('\n')]
}

/** Both sides must have made the same. */
function check(netns: Netns, expected: number): void {
  const routes = run(netns, ['ip', 'route', 'show', 'proto', '113']).trim().split('\n').length
  const neighbours = run(netns, ['ip', 'neigh', 'show', 'nud', 'permanent']).trim().split('\n').length
  const fdb = run(netns, ['bridge', 'fdb', 'show', 'dev', 'vx1'])
    .split('\n')
    .filter(line => line.includes('dst')).length
  const found = routes + neighbours + fdb
  if (found !== expected) throw new Error(`${found} entries in the kernel, ${expected} expected`)
}

async function withNamespace<T>(body: (netns: Netns) => Promise<T>): Promise<T> {
  const netns = Netns.create()
  try {
    return await body(netns)
  } finally {
    netns.close()
  }
}

function run(netns: Netns, command: readonly string[], input = ''): string {
  const result = spawnSync('nsenter', ['--net=/proc/self/fd/3', ...command], {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['pipe', 'pipe', 'pipe', netns.fds.netns],
  })
  if (result.status !== 0) throw new Error(`${command.join(' ')}: ${result.stderr}`)
  return result.stdout
}

function cpuMs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

function hex(value: number): string {
  return value.toString(16).padStart(2, '0')
}
