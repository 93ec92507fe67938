import { blockCooldownSeconds, type NetworkConfig, type Node, type PodBlock } from '../model/index.ts'

/** Everything the plan depends on. */
export interface BlockWorld {
  readonly nodes: readonly Node[]
  readonly blocks: readonly PodBlock[]
  readonly config: NetworkConfig['spec']
  /** For how long (monotonic) each released block has been seen released, by name. */
  readonly releasedForMs: ReadonlyMap<string, number>
}

/**
 * For how long a block stays reserved after its release, milliseconds. What the holder's agent confirmed counts: it
 * relies on that figure, and may not have heard of the network's present one.
 */
export function cooldownMsOf(block: PodBlock, config: NetworkConfig['spec'] | undefined): number {
  return (block.status.lease?.seconds ?? blockCooldownSeconds(config)) * 1_000
}

/** One step of the plan. Writes carry the objects they are based on, so that the store refuses them if these changed. */
export type BlockAction =
  /** `unusualLength`: the name alone does not tell such a block from others that it overlaps. */
  | {
      readonly do: 'create-block'
      readonly cidr: string
      readonly node: Node
      readonly unusualLength?: boolean
    }
  /** The node's earlier block, or one it holds by name, gets the node's present UID. */
  | { readonly do: 'claim-block'; readonly block: PodBlock; readonly node: Node }
  | { readonly do: 'assign'; readonly node: Node; readonly podCidrs: readonly string[] }
  | { readonly do: 'release-block'; readonly block: PodBlock; readonly why: string }
  | { readonly do: 'delete-block'; readonly block: PodBlock; readonly why: string }

export type BlockProblemReason =
  | 'NoFreePodBlock'
  | 'PodBlockConflict'
  | 'PodCidrOutsideNetwork'
  | 'PodCidrMalformed'

/** Why a node is not served, in words that end up in its condition. */
export interface BlockProblem {
  readonly node: Node
  readonly reason: BlockProblemReason
  readonly message: string
}

export interface BlockPlan {
  readonly actions: readonly BlockAction[]
  readonly problems: readonly BlockProblem[]
}

/** All podCIDRs of a node, the primary first. */
export function podCidrsOf(node: Node): readonly string[] {
  const { podCIDR, podCIDRs } = node.spec
  if (podCIDRs !== undefined && podCIDRs.length > 0) return podCIDRs
  return podCIDR === undefined || podCIDR === '' ? [] : [podCIDR]
}
