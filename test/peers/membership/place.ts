import type { AgentBenchOptions } from '../../../src/agent/testing/agent-bench.ts'
import { type Clock, ManualClock } from '../../../src/base/index.ts'
import { MeetingNode } from './meeting-node.ts'
import {
  type Announced,
  address6Of,
  addressOf,
  flannelBlock,
  flannelBlock6,
  flannelMac,
  flannelMac6,
  type Macs,
} from './names.ts'
import { Wire } from './wire.ts'

/** What an agent needs to take part, besides who it is. */
export type Membership = Omit<AgentBenchOptions, 'n' | 'clock'> & {
  /** To be called once the agent runs; the result ends it. */
  readonly join?: (node: MeetingNode) => () => void
}

export interface PlaceOptions {
  /** Of agents and of what gives them blocks; the store itself lives by the system's. */
  readonly clock: Clock
  /** The network has blocks of IPv6 too. */
  readonly isDual: boolean
}

/** Where nodes meet: a store with everything around it that a cluster has, and the faults that a test may put in. */
export abstract class Place {
  readonly nodes: MeetingNode[] = []
  protected readonly clock: Clock
  protected readonly isDual: boolean
  private readonly wires: Wire[] = []

  constructor({ clock, isDual }: PlaceOptions) {
    this.clock = clock
    this.isDual = isDual
  }

  /** Node n of ours joins; its agent runs when this resolves. */
  async join(n: number): Promise<MeetingNode> {
    const wire = await Wire.to(() => this.port)
    this.wires.push(wire)
    const { join, ...options } = await this.membership(n, wire)
    const second = this.isDual ? { address6: address6Of(n) } : {}
    const node = await MeetingNode.start(n, { ...options, ...second, clock: this.clock }, wire, join)
    this.nodes.push(node)
    return node
  }

  /** Node n of flannel writes what it is, as flannel does, for the first time or again, perhaps with another MAC. */
  abstract flannel(n: number, macs?: Macs): Promise<void>

  /** Node n of flannel takes the block that somebody has already, as far as this store lets it. */
  abstract flannelTakes(n: number, block: string): Promise<void>

  /** How often `scribble` knows something else to write. */
  abstract readonly scribbles: number

  /** Somebody writes over what node n of flannel wrote, or in its place, what nobody can use. */
  abstract scribble(n: number, which: number): Promise<void>

  /** Node n leaves for good, as the store tells it. */
  abstract remove(n: number): Promise<void>

  /** What the node with this block tells the others, exactly as it stands in the store; undefined if there is none. */
  abstract written(block: string): Promise<unknown>

  /** What flannel would have written in place of this node. */
  abstract flannelsWords(said: Announced): unknown

  /** The store dies, without a word. */
  abstract kill(): Promise<void>

  /** It is back, with all that it had. */
  abstract revive(): Promise<void>

  /** The store forgets what was; only what is can be asked for. */
  abstract compact(): Promise<void>

  /** Lets what is under way come to rest; with a clock of the test's own, so much time passes. */
  async pass(ms: number): Promise<void> {
    if (this.clock instanceof ManualClock) return this.clock.advance(ms)
    for (const node of this.nodes) await node.bench.quiet()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) await node.stop()
    for (const wire of this.wires) await wire[Symbol.asyncDispose]()
    await this.end()
  }

  protected flannelNode(n: number, { mac = flannelMac(n), mac6 = flannelMac6(n) }: Macs = {}): Announced {
    const four = { address: addressOf(n), mac }
    return this.isDual ? { ...four, six: { address: address6Of(n), mac: mac6 } } : four
  }

  protected flannelBlocks(n: number): readonly string[] {
    return this.isDual ? [flannelBlock(n), flannelBlock6(n)] : [flannelBlock(n)]
  }

  /** Of a call. Time of the test's own passes some twenty times as fast as the store answers. */
  protected get timeoutMs(): number {
    return this.clock instanceof ManualClock ? 20_000 : 1_000
  }

  /** Of the store, now. */
  protected abstract get port(): number
  protected abstract membership(n: number, wire: Wire): Promise<Membership>
  protected abstract end(): Promise<void>
}
