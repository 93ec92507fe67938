import type { Clock, Logger } from '../base/index.ts'
import type { Node } from '../model/index.ts'
import type { Store } from '../store/index.ts'
import { Upkeep } from './upkeep.ts'

export interface NetworkConditionOptions {
  readonly nodeName: string
  readonly store: Pick<Store, 'get' | 'patchStatus'>
  /** UID of the Node that takes part in the pod network now. */
  readonly nodeUid: () => string | undefined
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
}

const TYPE = 'NetworkUnavailable'
const REASON = 'PodlaceIsUp'

/**
 * Says on the Node that its network is there, as flanneld does: where a cloud's controller marks new nodes as
 * NetworkUnavailable, no pod is scheduled to them before somebody does. It is said once for each part the node takes.
 */
export class NetworkCondition {
  private readonly options: NetworkConditionOptions
  private readonly upkeep: Upkeep

  constructor(options: NetworkConditionOptions) {
    this.options = options
    const { nodeName, clock, random, log } = options
    const name = `condition ${TYPE} of Node ${nodeName}`
    this.upkeep = new Upkeep({ name, step: () => this.say(), clock, random, log })
  }

  /** The node takes part in the pod network now. */
  poke(): void {
    this.upkeep.poke()
  }

  stop(): void {
    this.upkeep.stop()
  }

  private async say(): Promise<void> {
    const { nodeName, store, nodeUid, clock } = this.options
    if (nodeUid() === undefined) return
    const node = await store.get('Node', nodeName)
    const { uid } = node.metadata
    if (uid !== nodeUid() || isSaid(node)) return
    const now = new Date(clock.wallMs()).toISOString()
    const condition = {
      type: TYPE,
      status: 'False',
      reason: REASON,
      message: 'the pod network is up on this node',
      lastTransitionTime: now,
      lastHeartbeatTime: now,
    }
    const patch = { status: { conditions: [condition] } }
    await store.patchStatus('Node', nodeName, patch, { strategy: 'strategic', uid })
  }
}

function isSaid({ status: { conditions = [] } }: Node): boolean {
  return conditions.some(({ type, status }) => type === TYPE && status === 'False')
}
