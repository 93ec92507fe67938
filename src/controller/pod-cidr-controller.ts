import { Backoff, type Clock, errorText, type Logger, type Timer } from '../base/index.ts'
import { Graph, type Source } from '../derive/index.ts'
import type { NetworkConfig, Node, NodeCondition, PodBlock } from '../model/index.ts'
import { Informer, isStoreError, type Store } from '../store/index.ts'
import { BlockWriter, type WriteResult } from './block-writer.ts'
import { conditionFor } from './conditions.ts'
import { planBlocks } from './plan.ts'
import { ReleaseTimes } from './release-times.ts'
import { type BlockAction, type BlockPlan, cooldownMsOf } from './world.ts'

export interface PodCidrControllerOptions {
  readonly store: Store
  readonly clock: Clock
  /** Uniform in [0, 1): jitter of waiting times. */
  readonly random: () => number
  readonly log: Logger
  /** The NetworkConfig whose network is divided; default `default`. */
  readonly configName?: string
}

/**
 * Gives each node its part of the pod network (node IPAM): watches Nodes, PodBlocks and the NetworkConfig, plans by
 * `planBlocks`, and writes. Any number of them may run: every write is a compare-and-swap, the loser plans again.
 */
export class PodCidrController {
  private readonly options: PodCidrControllerOptions
  private readonly nodes: Source<Node>
  private readonly blocks: Source<PodBlock>
  private readonly configs: Source<NetworkConfig>
  private readonly writer: BlockWriter
  private readonly informers: readonly { start(): void; stop(): Promise<void>; readonly synced: boolean }[]
  private readonly backoff: Backoff
  private readonly releases = new ReleaseTimes()
  private readonly conditionsSetMs = new Map<string, number>()
  private lastSaid = ''
  private timer: Timer | undefined
  private running: Promise<void> | undefined
  private changed = false
  private stopped = false

  constructor(options: PodCidrControllerOptions) {
    this.options = options
    const graph = new Graph()
    this.nodes = graph.source('nodes')
    this.blocks = graph.source('podblocks')
    this.configs = graph.source('networkconfigs')
    const { store, clock, random, log } = options
    const common = { store, clock, random, log }
    this.writer = new BlockWriter(store, clock)
    const nodes = new Informer({ ...common, kind: 'Node', source: this.nodes })
    const blocks = new Informer({ ...common, kind: 'PodBlock', source: this.blocks })
    const configs = new Informer({ ...common, kind: 'NetworkConfig', source: this.configs })
    this.informers = [nodes, blocks, configs]
    for (const informer of [nodes, blocks, configs]) informer.onSynced(() => this.poke())
    this.nodes.subscribe(() => this.poke())
    this.blocks.subscribe(() => this.poke())
    this.configs.subscribe(() => this.poke())
    this.backoff = new Backoff({ firstMs: 50, maxMs: 5_000, random })
  }

  start(): void {
    for (const informer of this.informers) informer.start()
  }

  async stop(): Promise<void> {
    this.stopped = true
    this.timer?.cancel()
    await Promise.all(this.informers.map(informer => informer.stop()))
    await this.running
    // What was under way may have set it again.
    this.timer?.cancel()
  }

  /** Something changed: plan again, once, however often this is called meanwhile. */
  private poke(): void {
    this.changed = true
    if (this.stopped || this.running !== undefined) return
    this.running = this.work()
      .catch((error: unknown) => {
        this.say(this.options.log.error, `cannot plan the pod CIDRs: ${errorText(error)}`)
        this.pokeAfter(this.backoff.nextMs())
      })
      .finally(() => {
        this.running = undefined
        if (this.changed) this.poke()
      })
  }

  private async work(): Promise<void> {
    // what changes in this turn of the event loop is planned for together
    await Promise.resolve()
    this.changed = false
    if (this.stopped || !this.informers.every(informer => informer.synced)) return
    const plan = this.plan()
    if (plan === undefined) return
    let failed = false
    for (const action of plan.actions)
      failed = !(await this.attempt(describe(action), () => this.writer.write(action))) || failed
    failed = !(await this.writeConditions(plan)) || failed
    if (failed) this.pokeAfter(this.backoff.nextMs())
    else {
      this.backoff.reset()
      this.pokeAfterCooldown()
    }
  }

  private plan(): BlockPlan | undefined {
    const { clock, log, configName = 'default' } = this.options
    const config = this.configs.get(configName)
    if (config === undefined) {
      this.say(
        log.warn,
        `there is no NetworkConfig ${configName}: nodes get no pod CIDRs until it is created`,
      )
      return undefined
    }
    const blocks = [...this.blocks.entries()].map(([, block]) => block)
    const nodes = [...this.nodes.entries()].map(([, node]) => node)
    const nowMs = clock.nowMs()
    this.releases.observe(blocks, nowMs)
    return planBlocks({ nodes, blocks, config: config.spec, releasedForMs: this.releases.ages(nowMs) })
  }

  private async writeConditions(plan: BlockPlan): Promise<boolean> {
    const { clock } = this.options
    const problems = Map.groupBy(plan.problems, ({ node }) => node.metadata.name)
    const timestamp = new Date(clock.wallMs()).toISOString().replace(/\.\d+Z$/, 'Z')
    let allWritten = true
    for (const [name, node] of this.nodes.entries()) {
      const condition = conditionFor(node, problems.get(name) ?? [], timestamp)
      if (condition === undefined) continue
      const what = `set ${condition.reason} on node ${name}: ${condition.message}`
      const written = await this.attempt(what, () => this.writeCondition(node, condition))
      allWritten = written && allWritten
    }
    return allWritten
  }

  /** Two controllers of which one lags may disagree for a while: they must not answer each other without pause. */
  private async writeCondition(node: Node, condition: NodeCondition): Promise<WriteResult> {
    const { store, clock } = this.options
    const { name, uid } = node.metadata
    const lastMs = this.conditionsSetMs.get(uid)
    if (lastMs !== undefined && clock.nowMs() - lastMs < 2_000) return 'later'
    if (this.conditionsSetMs.size > 10_000) this.conditionsSetMs.clear()
    this.conditionsSetMs.set(uid, clock.nowMs())
    const patch = { status: { conditions: [condition] } }
    await store.patchStatus('Node', name, patch, { uid, strategy: 'strategic' })
    return 'done'
  }

  /** Runs one write. False if it has to be tried again; losing a race to another writer is no failure of its own. */
  private async attempt(what: string, write: () => Promise<WriteResult>): Promise<boolean> {
    const { log } = this.options
    if (this.stopped) return true
    try {
      const result = await write()
      if (result === 'done') log.info(what)
      else log.debug(`${what}: what was watched is old, planning again`)
      return result === 'done'
    } catch (error) {
      const lost = (['store.exists', 'store.conflict', 'store.not-found'] as const).some(code =>
        isStoreError(error, code),
      )
      if (lost) log.debug(`${what}: somebody else was first, planning again`)
      else this.say(log.warn, `cannot ${what}: ${errorText(error)}`)
      return false
    }
  }

  private pokeAfter(delayMs: number): void {
    this.timer?.cancel()
    this.timer = this.options.clock.after(delayMs, () => this.poke())
  }

  /** Blocks become free by the passing of time alone: look again when the next one does. */
  private pokeAfterCooldown(): void {
    const { clock, configName = 'default' } = this.options
    const config = this.configs.get(configName)?.spec
    const waits = [...this.releases.ages(clock.nowMs())].flatMap(([name, ageMs]) => {
      const block = this.blocks.get(name)
      return block === undefined ? [] : cooldownMsOf(block, config) - ageMs
    })
    if (waits.length > 0) this.pokeAfter(Math.max(1_000, Math.min(...waits)))
  }

  /** Says a thing once, not on every pass. */
  private say(log: Logger['warn'], message: string): void {
    if (message !== this.lastSaid) log(message)
    this.lastSaid = message
  }
}

function describe(action: BlockAction): string {
  switch (action.do) {
    case 'create-block':
      return `create block ${action.cidr} for node ${action.node.metadata.name}`
    case 'claim-block':
      return `claim block ${action.block.spec.cidr} again for node ${action.node.metadata.name}`
    case 'assign':
      return `assign ${action.podCidrs.join(', ')} to node ${action.node.metadata.name}`
    case 'release-block':
      return `release block ${action.block.spec.cidr}: ${action.why}`
    case 'delete-block':
      return `free block ${action.block.spec.cidr}: ${action.why}`
    default:
      return action satisfies never
  }
}
