import type { Clock } from '../base/index.ts'
import { overlaps, parsePrefix, tryParsePrefix } from '../ip/index.ts'
import { blockName, type Node, type PodBlock } from '../model/index.ts'
import { isStoreError, type Store } from '../store/index.ts'
import { type BlockAction, podCidrsOf } from './world.ts'

/** `later`: what the plan saw is not what the store has; the write was not made, plan again when the watch caught up. */
export type WriteResult = 'done' | 'later'

/**
 * Carries out the steps of a plan. Each write is refused by the store if its object changed since it was read. That does
 * not cover a list of nodes that lags behind the blocks: so before a block is taken from a node, or given back to one,
 * the store is asked for that node.
 */
export class BlockWriter {
  private readonly store: Store
  private readonly clock: Clock

  constructor(store: Store, clock: Clock) {
    this.store = store
    this.clock = clock
  }

  /** Throws what the store throws: store.conflict and store.exists mean that somebody else was first. */
  async write(action: BlockAction): Promise<WriteResult> {
    switch (action.do) {
      case 'create-block':
        return this.create(action)
      case 'claim-block':
        return this.claim(action.block, action.node)
      case 'assign':
        return this.assign(action.node, action.podCidrs)
      case 'release-block':
        return this.release(action.block)
      case 'delete-block':
        return this.delete(action.block)
      default:
        return action satisfies never
    }
  }

  /**
   * Creation is refused if there is a block of that name. One of another length than usual may overlap blocks of other
   * names: it is withdrawn if it does. (A block that came before it is in the list; one that comes later meets this one
   * in its controller's watch before it can be assigned.)
   */
  private async create(action: Extract<BlockAction, { do: 'create-block' }>): Promise<WriteResult> {
    const { cidr, node, unusualLength = false } = action
    const { name: nodeName, uid: nodeUID } = node.metadata
    if (unusualLength && (await this.hasRival(cidr, nodeName))) return 'later'
    const spec = { cidr, nodeName, nodeUID }
    const created = await this.store.create('PodBlock', { metadata: { name: blockName(cidr) }, spec })
    if (!unusualLength || !(await this.hasRival(cidr, nodeName))) return 'done'
    await this.store.delete('PodBlock', created.metadata.name, { uid: created.metadata.uid })
    return 'later'
  }

  private async hasRival(cidr: string, nodeName: string): Promise<boolean> {
    const prefix = parsePrefix(cidr)
    const { items } = await this.store.list('PodBlock')
    return items.some(({ spec }) => {
      const other = tryParsePrefix(spec.cidr)
      return spec.nodeName !== nodeName && other !== undefined && overlaps(other, prefix)
    })
  }

  private async claim(block: PodBlock, { metadata }: Node): Promise<WriteResult> {
    const present = await this.find(metadata.name)
    if (present?.metadata.uid !== metadata.uid) return 'later'
    const spec = { cidr: block.spec.cidr, nodeName: metadata.name, nodeUID: metadata.uid }
    await this.store.update('PodBlock', { ...block, spec })
    return 'done'
  }

  private async assign({ metadata }: Node, podCidrs: readonly string[]): Promise<WriteResult> {
    const { name, uid, resourceVersion } = metadata
    const spec = { podCIDR: podCidrs[0], podCIDRs: podCidrs }
    await this.store.patch('Node', name, { spec }, { uid, resourceVersion })
    return 'done'
  }

  /** The number of attachments is forgotten first: only one that is reported after the release may free the block. */
  private async release(block: PodBlock): Promise<WriteResult> {
    const holder = await this.find(block.spec.nodeName)
    const cidrs = holder === undefined ? undefined : podCidrsOf(holder)
    if (cidrs !== undefined && (cidrs.length === 0 || cidrs.includes(block.spec.cidr))) return 'later'
    const { name, uid, resourceVersion } = block.metadata
    const forget = { status: { attachments: null } }
    const current = await this.store.patchStatus('PodBlock', name, forget, { uid, resourceVersion })
    const releasedAt = new Date(this.clock.wallMs()).toISOString()
    await this.store.update('PodBlock', { ...current, spec: { ...current.spec, releasedAt } })
    return 'done'
  }

  private async delete(block: PodBlock): Promise<WriteResult> {
    const holder = await this.find(block.spec.nodeName)
    if (holder !== undefined && podCidrsOf(holder).includes(block.spec.cidr)) return 'later'
    const { name, uid, resourceVersion } = block.metadata
    await this.store.delete('PodBlock', name, { uid, resourceVersion })
    return 'done'
  }

  private async find(name: string): Promise<Node | undefined> {
    try {
      return await this.store.get('Node', name)
    } catch (error) {
      if (isStoreError(error, 'store.not-found')) return undefined
      throw error
    }
  }
}
