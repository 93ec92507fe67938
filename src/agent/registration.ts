import type { Clock, Logger, Timer } from '../base/index.ts'
import type { Collection } from '../derive/index.ts'
import type { Node, PodBlock } from '../model/index.ts'
import { annotationsFor } from '../overlay/index.ts'
import type { Store } from '../store/index.ts'
import { nameOutside } from './network/annotation-stem.ts'
import type { BlockLease } from './network/block-lease.ts'
import type { SelfNetwork } from './network/self.ts'
import { Upkeep } from './upkeep.ts'

export interface RegistrationOptions {
  readonly nodeName: string
  readonly store: Store
  readonly nodes: Collection<Node>
  /** What names of annotations begin with in this cluster. */
  readonly annotationStem: string
  readonly blocks: Collection<PodBlock>
  readonly network: () => SelfNetwork | undefined
  readonly attachmentCount: () => number
  readonly lease: Pick<BlockLease, 'speaksFor' | 'isAlone' | 'giveUp'>
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
}

/** Between two reports of how many attachments a block has; pods may come by the dozen a second. */
const REPORT_MS = 1_000
/** Before an annotation that somebody else overwrote is written again: two writers must not answer each other at once. */
const REWRITE_MS = 1_000
/** What was written is seen by then, or is written again: a restore of the store may have undone it before it was seen. */
const ECHO_MS = 10_000

/**
 * What the agent tells the others, and it writes nothing else to the store: the annotations of its own Node, by which
 * peers reach it, and how many attachments its own block still has.
 */
export class Registration {
  private readonly options: RegistrationOptions
  private readonly annotations: Upkeep
  private readonly reports: Upkeep
  private reportDue: Timer | undefined
  private nextLook: Timer | undefined
  /** The last annotations written, and when. */
  private written = { text: '', atMs: 0 }

  constructor(options: RegistrationOptions) {
    this.options = options
    const { nodeName, clock, random, log } = options
    const common = { clock, random, log }
    const name = `annotations of Node ${nodeName}`
    this.annotations = new Upkeep({ ...common, name, step: () => this.annotate() })
    this.reports = new Upkeep({
      ...common,
      name: `attachments of ${nodeName}'s block`,
      step: () => this.report(),
    })
  }

  /** The network or the node's object changed. */
  pokeAnnotations(): void {
    this.annotations.poke()
  }

  /** The number of attachments or a block changed. */
  pokeReport(): void {
    this.reportDue ??= this.options.clock.after(REPORT_MS, () => {
      this.reportDue = undefined
      this.reports.poke()
    })
  }

  stop(): void {
    this.annotations.stop()
    this.reports.stop()
    this.reportDue?.cancel()
    this.nextLook?.cancel()
  }

  private async annotate(): Promise<void> {
    const { nodeName, store, nodes, annotationStem, clock } = this.options
    const network = this.options.network()
    const node = nodes.get(nodeName)
    if (network === undefined || node === undefined || node.metadata.uid !== network.nodeUid) return
    const present = new Map(Object.entries(node.metadata.annotations ?? {}))
    const wanted = annotationsFor(network.config, network.self, network.overwrite)
    const differing = [...wanted].filter(([key, value]) => (present.get(key) ?? null) !== value)
    if (differing.length === 0) return
    const text = JSON.stringify([network.nodeUid, differing])
    const restMs = this.written.atMs + REWRITE_MS - clock.nowMs()
    if (text === this.written.text && restMs > 0) return this.lookAgainAfter(restMs)
    this.lookAgainAfter(ECHO_MS)
    const named = differing.map(([name, value]) => [nameOutside(annotationStem, name), value])
    await store.patch(
      'Node',
      nodeName,
      { metadata: { annotations: Object.fromEntries(named) } },
      { uid: network.nodeUid },
    )
    this.written = { text, atMs: clock.nowMs() }
  }

  private lookAgainAfter(delayMs: number): void {
    this.nextLook?.cancel()
    this.nextLook = this.options.clock.after(delayMs, () => this.annotations.poke())
  }

  private async report(): Promise<void> {
    const { nodeName, store, blocks, lease } = this.options
    const attachments = this.options.attachmentCount()
    for (const [key, block] of blocks.entries()) {
      if (block.spec.nodeName !== nodeName || block.status.attachments === attachments) continue
      if (!lease.speaksFor(block)) continue
      // This number frees the block: nobody else may use it, and nothing may be attached from here on, even if the answer
      // is lost. Who is not alone yet leaves it to the cooldown, which is over no later.
      const frees = attachments === 0 && block.spec.releasedAt !== undefined
      if (frees && !lease.isAlone) continue
      if (frees) lease.giveUp(block)
      // As it was when we counted: a number from before a release must not free the block (`BlockWriter.release`).
      const { uid, resourceVersion } = block.metadata
      await store.patchStatus('PodBlock', key, { status: { attachments } }, { uid, resourceVersion })
    }
  }
}
