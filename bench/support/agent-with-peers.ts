import { NetlinkKernel } from '../../src/kernel/index.ts'
import {
  decodeEvent,
  netfilterGroups,
  parseEvents,
  type RouteEvent,
  routeGroups,
} from '../../src/netlink/index.ts'
import { NetlinkEvents, Netns } from '../../src/sys/index.ts'
import { FakeHost } from './fake-host.ts'
import { changedNode, hex, OVERLAY, type PeerEntries, peerEntries, peerNode } from './many-peers.ts'
import {
  askApi,
  askOurAgent,
  type OurNode,
  ourAgentReady,
  startOurAgent,
  startOurCluster,
} from './our-cluster.ts'
import { peakMegabytes, residentMegabytes } from './resident-memory.ts'

const API = '127.0.0.1:6443'
const LIMIT_MS = 60_000
/** Nodes that join are written in portions, of so much time each. */
const SLICE_S = 0.1

export interface Joined {
  /** From the first entry of a peer in the kernel to the last one. */
  readonly seconds: number
  /** Of the agent, from before the first until it has come to rest. */
  readonly cpuSeconds: number
  /** The most memory that the agent ever had resident. */
  readonly peakMegabytes: number
}

/** A whole agent process, as users run it, on a node of a cluster of many: only the objects of the others exist. */
export class AgentWithPeers implements AsyncDisposable {
  private readonly node: OurNode
  private readonly netns: Netns
  /** Another program, which knows nothing of ours. */
  private readonly intruder: NetlinkKernel
  private peers: number
  private pid: number

  private constructor(node: OurNode, pid: number, peers: number) {
    this.node = node
    this.pid = pid
    this.peers = peers
    this.netns = Netns.open(`/proc/${node.host.pid}/ns/net`)
    this.intruder = new NetlinkKernel({ netns: this.netns })
  }

  static async create(peers: number): Promise<AgentWithPeers> {
    const host = await FakeHost.create('agent')
    try {
      await host.commands([
        ['ip', 'link', 'add', OVERLAY.uplink, 'type', 'veth', 'peer', 'name', 'wire'],
        ['ip', 'addr', 'add', `${OVERLAY.address}/24`, 'dev', OVERLAY.uplink],
        ['ip', 'link', 'set', OVERLAY.uplink, 'up'],
        ['ip', 'link', 'set', 'wire', 'up'],
      ])
      const node = { host, name: 'bench', address: OVERLAY.address }
      const backend = { type: 'vxlan', vni: 1, port: 8472 }
      const network = { network: OVERLAY.network, subnetLength: 24, backend }
      const { controller, agents } = await startOurCluster({ nodes: [node], api: API, network })
      // The peers have their blocks: nothing is left for it to do.
      await host.stop(controller)
      const made = new AgentWithPeers(node, agents[0] ?? 0, peers)
      const nodes = Array.from({ length: peers }, (_, n) => peerNode(n))
      if (nodes.length > 0) await askApi(host, API, nodes)
      await made.converged()
      return made
    } catch (error) {
      await host[Symbol.asyncDispose]()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.intruder.close()
    this.netns.close()
    await this.node.host[Symbol.asyncDispose]()
  }

  /** Resident memory in megabytes (10^6 bytes). */
  residentMegabytes(): Promise<number> {
    return residentMegabytes(this.node.host, this.pid)
  }

  /** Metrics of the agent by name. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const text = await askOurAgent(this.node, '/metrics')
    const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
    return new Map(lines.map(line => [line.split(' ')[0] ?? '', Number(line.split(' ')[1])]))
  }

  /**
   * One peer after the other gets a new MAC, and its old one back.
   *
   * @returns CPU milliseconds of the agent per change; some looks at its metrics are in it
   */
  async changePeers(first: number, count: number): Promise<number> {
    const changes = Array.from({ length: count }, (_, n) =>
      changedNode(first + n, `06:00:00:00:00:${hex(n)}`),
    )
    const back = Array.from({ length: count }, (_, n) =>
      changedNode(first + n, peerEntries(first + n).fdb.mac),
    )
    const before = await this.metrics()
    await askApi(this.node.host, API, [...changes, ...back], { pauseMs: 5 })
    await this.converged()
    const after = await this.metrics()
    const grown = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0)
    // A neighbour that changes, an FDB entry that goes and one that comes.
    const operations = grown('podlace_agent_kernel_operations_total')
    const expected = 3 * 2 * count
    if (operations !== expected)
      throw new Error(`${operations} operations for ${2 * count} changes, not ${expected}`)
    return (grown('process_cpu_seconds_total') * 1000) / (2 * count)
  }

  /** The first `count` peers join at an even pace, to an agent that has none. */
  async join(count: number, overSeconds: number): Promise<Joined> {
    const cpu = async () => (await this.metrics()).get('process_cpu_seconds_total') ?? 0
    const before = await cpu()
    const [seconds] = await Promise.all([this.watchEntries(count), this.writePeers(count, overSeconds)])
    this.peers = count
    await this.converged()
    const { host } = this.node
    const peak = await peakMegabytes(host, this.pid)
    return { seconds, cpuSeconds: (await cpu()) - before, peakMegabytes: peak }
  }

  private async writePeers(count: number, overSeconds: number): Promise<void> {
    const started = performance.now()
    const perSlice = Math.ceil((count / overSeconds) * SLICE_S)
    for (let first = 0, slice = 1; first < count; first += perSlice, slice += 1) {
      const size = Math.min(perSlice, count - first)
      const nodes = Array.from({ length: size }, (_, n) => peerNode(first + n))
      await askApi(this.node.host, API, nodes)
      const restMs = started + slice * SLICE_S * 1_000 - performance.now()
      await new Promise(resolve => setTimeout(resolve, Math.max(0, restMs)))
    }
  }

  /** Another program deletes an entry; milliseconds from its request until the kernel says that the entry is back. */
  async repair(n: number, kind: keyof PeerEntries): Promise<number> {
    const entry = peerEntries(n)[kind]
    const monitor = NetlinkEvents.openIn(this.netns, 'route', [routeGroups.neighbour, routeGroups.ipv4Route])
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const timer = setTimeout(() => reject(new Error(`a deleted ${kind} did not come back`)), LIMIT_MS)
    monitor.start(
      datagrams => {
        const events = parseEvents(datagrams).map(decodeEvent)
        if (events.some(event => event !== undefined && isBack(event, entry))) resolve(performance.now())
      },
      () => reject(new Error('events were lost')),
    )
    try {
      const started = performance.now()
      const [outcome] = await this.intruder.apply([{ op: 'delete', entry, why: 'stale' }])
      if (outcome?.error !== undefined) throw outcome.error
      return (await promise) - started
    } finally {
      clearTimeout(timer)
      monitor.close()
    }
  }

  /**
   * Kills the agent and starts another over what is there.
   *
   * @returns how many operations the new one reports, and how many changes the kernel told of, until it has settled
   */
  async restart(): Promise<{ readonly operations: number; readonly events: number }> {
    const { host } = this.node
    await host.stop(this.pid)
    const { nsid: _, ...groups } = routeGroups
    const monitors = [
      NetlinkEvents.openIn(this.netns, 'route', Object.values(groups)),
      NetlinkEvents.openIn(this.netns, 'netfilter', [netfilterGroups.nftables]),
    ]
    try {
      this.pid = await startOurAgent(this.node, API)
      await ourAgentReady(this.node)
      await this.converged()
      // That it repairs something says that its first pass is over: one operation, and two events with the deletion.
      await this.repair(0, 'route')
      const queued = monitors.map(monitor => monitor.drain())
      if (queued.some(({ overflow }) => overflow)) throw new Error('events were lost')
      const events = queued.reduce((sum, { datagrams }) => sum + parseEvents(datagrams).length, 0)
      const operations = (await this.metrics()).get('podlace_agent_kernel_operations_total') ?? 0
      return { operations: operations - 1, events: events - 2 }
    } finally {
      for (const monitor of monitors) monitor.close()
    }
  }

  /** Seconds between the first and the last of the entries of so many peers, as the kernel tells of them. */
  private async watchEntries(count: number): Promise<number> {
    const missing = new Set(
      Array.from({ length: count }, (_, n) => Object.values(peerEntries(n)).map(nameOf)).flat(),
    )
    const monitor = NetlinkEvents.openIn(this.netns, 'route', [routeGroups.neighbour, routeGroups.ipv4Route])
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const late = () => reject(new Error(`${missing.size} entries of peers did not come`))
    const timer = setTimeout(late, LIMIT_MS)
    let first: number | undefined
    monitor.start(
      datagrams => {
        for (const event of parseEvents(datagrams).map(decodeEvent)) {
          if (event?.change !== 'new' || !missing.delete(nameOfTold(event))) continue
          first ??= performance.now()
          if (missing.size === 0) resolve((performance.now() - first) / 1_000)
        }
      },
      () => reject(new Error('events were lost')),
    )
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      monitor.close()
    }
  }

  /** Resolves when the kernel holds the entries of all peers and the agent has had nothing to do for a while. */
  private async converged(): Promise<void> {
    const deadlineMs = performance.now() + LIMIT_MS
    let last = ''
    while (performance.now() < deadlineMs) {
      const metrics = await this.metrics()
      const wanted = metrics.get('podlace_agent_entries_count') ?? 0
      const counts = `${wanted} wanted, ${metrics.get('podlace_agent_kernel_operations_total')} operations`
      if (wanted >= 3 * this.peers && counts === last && (await this.entriesInKernel()) === 3 * this.peers)
        return
      last = counts
      await new Promise(resolve => setTimeout(resolve, 300))
    }
    throw new Error(
      `the agent did not settle in time: ${last}, ${await this.entriesInKernel()} in the kernel`,
    )
  }

  private async entriesInKernel(): Promise<number> {
    const count =
      `{ ip route show dev ${OVERLAY.link} proto 113; ip neigh show dev ${OVERLAY.link} nud permanent; ` +
      `bridge fdb show dev ${OVERLAY.link} | grep dst; } | wc -l`
    return Number(await this.node.host.commands([['sh', '-c', count]]))
  }
}

/** What tells an entry of a peer from all others, also when the kernel tells of it. */
function nameOf(entry: PeerEntries[keyof PeerEntries]): string {
  switch (entry.kind) {
    case 'route':
      return `route ${entry.dst}`
    case 'neighbour':
      return `neighbour ${entry.address}`
    case 'fdb':
      return `fdb ${entry.mac} ${entry.dst}`
  }
}

function nameOfTold({ object, value }: RouteEvent): string {
  switch (object) {
    case 'route':
      return `route ${value.dst}`
    case 'neighbour':
      return `neighbour ${value.address}`
    case 'fdb':
      return `fdb ${value.mac} ${value.dst}`
    default:
      return object
  }
}

function isBack(event: RouteEvent, entry: PeerEntries[keyof PeerEntries]): boolean {
  return event.change === 'new' && nameOfTold(event) === nameOf(entry)
}
