import { formatPrefix, overlaps, type Prefix, tryParsePrefix } from '../ip/index.ts'
import { blockName, type Node, type PodBlock } from '../model/index.ts'
import { type BlockNetwork, networksOf } from './block-network.ts'
import { type Claim, PrefixIndex } from './prefix-index.ts'
import {
  type BlockAction,
  type BlockPlan,
  type BlockProblem,
  type BlockProblemReason,
  type BlockWorld,
  cooldownMsOf,
  podCidrsOf,
} from './world.ts'

/** Who has a prefix: a block, or a node whose podCIDR it is. */
type Holder = { readonly block: PodBlock } | { readonly node: Node }

/**
 * What has to be done so that each node holds one block per family of the pod network, and nobody else's. Pure, and
 * level-triggered: every pass plans from what there is, so any step may fail or be lost.
 *
 * A node gets its podCIDR only when its blocks are there and its own: creating a block is the compare-and-swap.
 */
export function planBlocks(world: BlockWorld): BlockPlan {
  const pass = new Pass(world)
  const byAge = world.nodes.toSorted(
    (a, b) =>
      compare(a.metadata.creationTimestamp, b.metadata.creationTimestamp) ||
      compare(a.metadata.name, b.metadata.name),
  )
  for (const node of byAge) pass.serve(node)
  for (const block of world.blocks) pass.settle(block)
  return { actions: pass.actions, problems: pass.problems }
}

class Pass {
  readonly actions: BlockAction[] = []
  readonly problems: BlockProblem[] = []
  private readonly world: BlockWorld
  private readonly networks: readonly BlockNetwork[]
  private readonly blocks: ReadonlyMap<string, PodBlock>
  private readonly blocksOfNode: ReadonlyMap<string, readonly PodBlock[]>
  private readonly nodeNames: ReadonlySet<string>
  /** Everything that is somebody's: blocks, and podCIDRs, which may have no block yet. */
  private readonly taken: PrefixIndex<Holder>
  private readonly takenPrefixes: readonly Prefix[]
  /** Blocks that stay with their holder. */
  private readonly kept = new Set<string>()

  constructor(world: BlockWorld) {
    this.world = world
    this.networks = networksOf(world.config)
    // by name, so that two controllers choose the same
    const blocks = world.blocks.toSorted((a, b) => compare(a.metadata.name, b.metadata.name))
    this.blocks = new Map(blocks.map(block => [block.metadata.name, block]))
    this.blocksOfNode = Map.groupBy(blocks, block => block.spec.nodeName)
    this.nodeNames = new Set(world.nodes.map(node => node.metadata.name))
    const claims = [
      ...world.blocks.flatMap(block => claimOf(block.spec.cidr, { block })),
      ...world.nodes.flatMap(node => podCidrsOf(node).flatMap(cidr => claimOf(cidr, { node }))),
    ]
    this.taken = new PrefixIndex(claims)
    this.takenPrefixes = claims.map(claim => claim.prefix)
  }

  serve(node: Node): void {
    const assigned = podCidrsOf(node)
    if (assigned.length > 0) {
      for (const cidr of assigned) this.confirm(node, cidr)
      return
    }
    const held = this.networks.map(network => this.obtain(node, network))
    const cidrs = held.flatMap(cidr => cidr ?? [])
    if (cidrs.length === this.networks.length) this.actions.push({ do: 'assign', node, podCidrs: cidrs })
  }

  /** A block that no node holds any more: reserved for a while, then free. */
  settle(block: PodBlock): void {
    const { name } = block.metadata
    if (this.kept.has(name)) return
    const { nodeName, releasedAt } = block.spec
    if (releasedAt === undefined) {
      const why = this.nodeNames.has(nodeName)
        ? `node ${nodeName} uses another block`
        : `node ${nodeName} is gone`
      this.actions.push({ do: 'release-block', block, why })
    } else if (block.status.attachments === 0) {
      this.actions.push({ do: 'delete-block', block, why: `nothing of node ${nodeName} uses it any more` })
    } else {
      const cooldownMs = cooldownMsOf(block, this.world.config)
      if ((this.world.releasedForMs.get(name) ?? 0) < cooldownMs) return
      const why = `node ${nodeName} left at least ${cooldownMs / 1_000} s ago`
      this.actions.push({ do: 'delete-block', block, why })
    }
  }

  /** The node has this podCIDR already (from us, or kubeadm style): its block must say so. */
  private confirm(node: Node, cidr: string): void {
    const { name } = node.metadata
    const prefix = tryParsePrefix(cidr)
    if (prefix === undefined) {
      return this.report(
        node,
        'PodCidrMalformed',
        `podCIDR ${cidr} of node ${name} is not a prefix like 10.244.3.0/24`,
      )
    }
    const network = this.networks.find(candidate => candidate.prefix.family === prefix.family)
    if (network === undefined || !inside(network.prefix, prefix)) {
      const where =
        network === undefined ? `which has no IPv${prefix.family} prefix` : formatPrefix(network.prefix)
      const message = `podCIDR ${cidr} of node ${name} is outside of the pod network, ${where}`
      return this.report(node, 'PodCidrOutsideNetwork', message)
    }
    const block = this.blocks.get(blockName(formatPrefix(prefix)))
    const isHeld = block?.spec.nodeName === name
    // in a conflict each keeps what it has until somebody decides
    if (isHeld) this.kept.add(block.metadata.name)
    const rival = this.rivalOf(node, prefix, isHeld)
    if (rival !== undefined) {
      return this.report(node, 'PodBlockConflict', `podCIDR ${cidr} of node ${name} overlaps ${rival}`)
    }
    const unusualLength = prefix.length !== network.blockLength
    if (block === undefined) {
      this.actions.push({ do: 'create-block', cidr: formatPrefix(prefix), node, unusualLength })
    } else this.hold(block, node)
  }

  /** A block for a node that has none: its earlier one, or a new one. The cidr, once it is the node's own. */
  private obtain(node: Node, network: BlockNetwork): string | undefined {
    const { name } = node.metadata
    const earlier = (this.blocksOfNode.get(name) ?? []).find(block => this.isUsable(block, node, network))
    if (earlier !== undefined) return this.hold(earlier, node) ? earlier.spec.cidr : undefined
    const free = network.takeFree(this.taken, this.takenPrefixes)
    if (free === undefined) this.report(node, 'NoFreePodBlock', this.exhausted(node, network))
    else this.actions.push({ do: 'create-block', cidr: formatPrefix(free), node })
    return undefined
  }

  private exhausted(node: Node, { prefix, blockLength }: BlockNetwork): string {
    const reserved = this.world.blocks.filter(block => block.spec.releasedAt !== undefined).length
    const hint = reserved === 0 ? '' : ` (${reserved} are still reserved for nodes that left)`
    return `pod network ${formatPrefix(prefix)} has no free /${blockLength} for node ${node.metadata.name}${hint}`
  }

  private isUsable(block: PodBlock, node: Node, network: BlockNetwork): boolean {
    const prefix = tryParsePrefix(block.spec.cidr)
    if (prefix === undefined || !inside(network.prefix, prefix)) return false
    return this.rivalOf(node, prefix, false) === undefined
  }

  /** True if the block is the node's; otherwise it is claimed now and the node waits for the next pass. */
  private hold(block: PodBlock, node: Node): boolean {
    this.kept.add(block.metadata.name)
    const { nodeName, nodeUID, releasedAt } = block.spec
    const isOurs =
      nodeName === node.metadata.name && nodeUID === node.metadata.uid && releasedAt === undefined
    if (!isOurs) this.actions.push({ do: 'claim-block', block, node })
    return isOurs
  }

  /** Who else has a part of this prefix: another node's block, or, if this node has no block yet, another's podCIDR. */
  private rivalOf(node: Node, prefix: Prefix, holdsBlock: boolean): string | undefined {
    const { name } = node.metadata
    const rivals = [...this.taken.overlapping(prefix)]
    for (const { holder } of rivals) {
      if (!('block' in holder) || holder.block.spec.nodeName === name) continue
      const { cidr, nodeName, releasedAt } = holder.block.spec
      return `block ${cidr} ${releasedAt === undefined ? 'held by' : 'still reserved for'} node ${nodeName}`
    }
    if (holdsBlock) return undefined
    for (const { holder, prefix: other } of rivals) {
      if ('block' in holder || holder.node.metadata.name === name) continue
      if (hasPrecedence(holder.node, node))
        return `podCIDR ${formatPrefix(other)} of node ${holder.node.metadata.name}`
    }
    return undefined
  }

  private report(node: Node, reason: BlockProblemReason, message: string): void {
    this.problems.push({ node, reason, message })
  }
}

function claimOf(cidr: string, holder: Holder): Claim<Holder>[] {
  const prefix = tryParsePrefix(cidr)
  return prefix === undefined ? [] : [{ prefix, holder }]
}

function inside(network: Prefix, prefix: Prefix): boolean {
  return prefix.length >= network.length && overlaps(network, prefix)
}

/** Of two nodes with overlapping podCIDRs and no block yet, the older one is served; one without a podCIDR comes last. */
function hasPrecedence(other: Node, node: Node): boolean {
  if (podCidrsOf(node).length === 0) return true
  const age = compare(other.metadata.creationTimestamp, node.metadata.creationTimestamp)
  return (age || compare(other.metadata.name, node.metadata.name)) < 0
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
