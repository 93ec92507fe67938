import type { BackendConfig } from './backends.ts'
import type { KubeObject } from './meta.ts'

/** core/v1 Node: the fields we use. */
export interface Node extends KubeObject {
  readonly kind: 'Node'
  readonly spec: { readonly podCIDR?: string; readonly podCIDRs?: readonly string[] }
  readonly status: {
    readonly addresses?: readonly { readonly type: string; readonly address: string }[]
    readonly conditions?: readonly NodeCondition[]
  }
}

export interface NodeCondition {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason?: string
  readonly message?: string
  readonly lastTransitionTime?: string
}

/** core/v1 Pod: the fields we use. */
export interface Pod extends KubeObject {
  readonly kind: 'Pod'
  readonly spec: { readonly nodeName?: string; readonly hostNetwork?: boolean }
  readonly status: {
    readonly phase?: string
    readonly podIP?: string
    readonly podIPs?: readonly { readonly ip: string }[]
  }
}

/** podlace.dev/v1alpha1 NetworkConfig, cluster-scoped: one pod network (flannel's net-conf.json as an object). */
export interface NetworkConfig extends KubeObject {
  readonly kind: 'NetworkConfig'
  readonly spec: {
    /** IPv4 prefix of all pods, at most /28. */
    readonly network?: string
    /** IPv6 prefix of all pods, at most /124. At least one of the two must be given. */
    readonly ipv6Network?: string
    /** Prefix length of one node's block; default 24 (64 for IPv6). */
    readonly subnetLength?: number
    readonly ipv6SubnetLength?: number
    readonly backend: BackendConfig
    /** Pods that leave the pod network take their node's address. Default true. */
    readonly masquerade?: boolean
    /**
     * Ports of what is masqueraded are chosen at random, so that two packets do not choose the same one at the same
     * moment, which loses one of them. Default true.
     */
    readonly masqueradeRandomFully?: boolean
    /** The pod network passes FORWARD of iptables, where a node has that, whatever its policy. Default true. */
    readonly forwardRules?: boolean
    /**
     * For how long the block of a node that left stays reserved for it, 30 to 604,800 s; default 3,600. A node that
     * cannot confirm its claim for most of that time cuts itself off (`blockCooldownSeconds`).
     */
    readonly blockCooldownSeconds?: number
  }
}

/**
 * podlace.dev/v1alpha1 PodBlock, cluster-scoped: the claim of a node on an address block. Its name is made from the
 * prefix (`10.244.3.0-24`), so that creating it is the compare-and-swap: a block has one holder or none.
 */
export interface PodBlock extends KubeObject {
  readonly kind: 'PodBlock'
  readonly spec: {
    readonly cidr: string
    readonly nodeName: string
    readonly nodeUID: string
    /** RFC 3339: the node is gone; the block stays reserved under its name until attachments end or the cooldown does. */
    readonly releasedAt?: string
  }
  readonly status: {
    /** How many attachments the node's agent still holds in the block. */
    readonly attachments?: number
    /** The node's agent confirmed the claim; each confirmation is a compare-and-swap on the whole object. */
    readonly lease?: BlockConfirmation
  }
}

/** Who confirmed a claim last, and for how long that holds the block after the node left. */
export interface BlockConfirmation {
  /** One life of an agent on one machine; two machines with one node's name differ here. */
  readonly instance: string
  /** Of that machine's present life, to tell people which machine it is. */
  readonly bootId: string
  /** Counts the confirmations of this block, whoever made them: the higher one is the later one. */
  readonly renewals: number
  /** The `blockCooldownSeconds` the agent relies on: the block passes on no sooner after its release. */
  readonly seconds: number
}

export interface KindMap {
  Node: Node
  Pod: Pod
  NetworkConfig: NetworkConfig
  PodBlock: PodBlock
}

export type Kind = keyof KindMap
