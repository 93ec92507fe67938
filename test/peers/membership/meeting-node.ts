import { AgentBench, type AgentBenchOptions } from '../../../src/agent/testing/agent-bench.ts'
import { localMac } from '../../../src/ip/index.ts'
import { type Entry, formatEntry } from '../../../src/kernel/index.ts'
import { type Announced, address6Of, addressOf, nodeName } from './names.ts'
import type { Wire } from './wire.ts'

/** One node of ours: an agent with a kernel that is none, and its way to the store. */
export class MeetingNode {
  readonly address: string
  readonly mac: string
  /** What it tells where the network has two families. */
  readonly both: Required<Announced>
  readonly bench: AgentBench
  readonly wire: Wire
  /** Every change of the kernel's ways to other nodes, in order, as commands. */
  readonly changes: string[] = []
  private readonly join: (node: MeetingNode) => () => void
  private leave: () => void

  static async start(
    n: number,
    options: AgentBenchOptions,
    wire: Wire,
    join: (node: MeetingNode) => () => void = () => () => {},
  ): Promise<MeetingNode> {
    const bench = await AgentBench.start({ ...options, n })
    return new MeetingNode(n, bench, wire, join)
  }

  private constructor(n: number, bench: AgentBench, wire: Wire, join: (node: MeetingNode) => () => void) {
    this.address = addressOf(n)
    this.mac = localMac(`vtep/4/${nodeName(n)}`)
    const six = { address: address6Of(n), mac: localMac(`vtep/6/${nodeName(n)}`) }
    this.both = { address: this.address, mac: this.mac, six }
    this.bench = bench
    this.wire = wire
    this.join = join
    bench.beforeOperation(({ op, entry }) => {
      if (isOfWay(entry)) this.changes.push(`${op} ${formatEntry(entry)}`)
    })
    this.leave = join(this)
  }

  /** Its block, once it takes part; of two families both, a space between. */
  get block(): string {
    return this.bench.agent.network?.self.podCidrs.join(' ') ?? ''
  }

  /** What it can be reached by, as `ways` of the others tells it. */
  way(vni = 1): string {
    return `${this.address} ${this.mac} flannel.${vni}`
  }

  get isReady(): boolean {
    return this.bench.agent.notReady() === undefined
  }

  /**
   * By block, where its kernel sends packets for others: `192.168.77.2 02:00:00:00:00:02 flannel.1`. What is no whole way
   * stands there as it is.
   */
  ways(): Record<string, string> {
    const parts = this.bench.hostEntries().filter(isOfWay)
    const rest = new Set(parts)
    const ways: [string, string][] = []
    for (const route of parts) {
      if (route.kind !== 'route') continue
      const { link, gateway } = route
      const neighbour = parts.filter(isNeighbour).find(part => part.link === link && part.address === gateway)
      const fdb = parts.filter(isFdb).find(part => part.link === link && part.mac === neighbour?.mac)
      for (const part of [route, neighbour, fdb]) if (part !== undefined) rest.delete(part)
      ways.push([route.dst, `${fdb?.dst} ${neighbour?.mac} ${link}`])
    }
    return Object.fromEntries([...ways, ...[...rest].map(part => [formatEntry(part), 'a part'])])
  }

  /** The agent's process ends, and another one begins. */
  async restart(): Promise<void> {
    this.leave()
    await this.bench.restart()
    this.leave = this.join(this)
  }

  async stop(): Promise<void> {
    this.leave()
    await this.bench.stop()
  }
}

type WayEntry = Extract<Entry, { kind: 'route' | 'neighbour' | 'fdb' }>

/** True for what leads to other nodes, and not to pods or to the world. */
function isOfWay(entry: Entry): entry is WayEntry {
  if (entry.kind === 'route') return entry.link?.startsWith('flannel') === true && entry.gateway !== undefined
  return (entry.kind === 'neighbour' || entry.kind === 'fdb') && entry.link.startsWith('flannel')
}

function isFdb(entry: Entry): entry is Extract<Entry, { kind: 'fdb' }> {
  return entry.kind === 'fdb'
}

function isNeighbour(entry: Entry): entry is Extract<Entry, { kind: 'neighbour' }> {
  return entry.kind === 'neighbour'
}
