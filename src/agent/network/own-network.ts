import type { Logger } from '../../base/index.ts'
import type { Collection, Source } from '../../derive/index.ts'
import type { ObservedEntry } from '../../kernel/index.ts'
import type { NetworkConfig, Node, PodBlock } from '../../model/index.ts'
import { SELF_KEY } from './plans.ts'
import { composeSelf, internalAddress, type SelfNetwork } from './self.ts'
import { findUplink } from './uplink.ts'

export interface OwnNetworkOptions {
  readonly nodeName: string
  /** Name of the NetworkConfig. */
  readonly configName: string
  /** Underlay device, if it is not to be found by the node's internal address. */
  readonly uplink: string | undefined
  readonly nodes: Collection<Node>
  readonly configs: Collection<NetworkConfig>
  readonly blocks: Collection<PodBlock>
  /** Where the outcome stands, under `SELF_KEY`. */
  readonly self: Source<SelfNetwork>
  readonly observed: () => Iterable<ObservedEntry>
  readonly hasIpv6: boolean
  readonly log: Logger
}

/**
 * Decides whether and how this node takes part in the pod network. Once it does, it goes on even if its objects go: a
 * node whose object is deleted by mistake serves its pods, and only takes no new ones. It stops when its block has
 * passed to another node, or was given up for good: then nothing may answer for these addresses here.
 */
export class OwnNetwork {
  private readonly options: OwnNetworkOptions
  private reason: string | undefined = 'the object store has not been reached yet'
  /** The block was claimed in this node's name at some time: from then on its claim counts. */
  private claimed = false
  /** The blocks that pods here may have addresses of, also after they were lost. */
  private podCidrs: readonly string[] = []

  constructor(options: OwnNetworkOptions) {
    this.options = options
  }

  /** Why no pod can be attached now, in words; undefined if one can. */
  get lacks(): string | undefined {
    return this.reason
  }

  get network(): SelfNetwork | undefined {
    return this.options.self.get(SELF_KEY)
  }

  /** Looks at everything again; to be called when all kinds are known, and after each change that may matter. */
  look(): void {
    const { nodeName, configName, nodes, configs, self, hasIpv6 } = this.options
    const node = nodes.get(nodeName)
    const publicAddress = node === undefined ? undefined : internalAddress(node)
    const uplink = findUplink(this.options.observed(), { device: this.options.uplink, publicAddress })
    const config = configs.get(configName)
    const composed = composeSelf({ nodeName, configName, node, config, uplink, hasIpv6 })
    if ('network' in composed) this.podCidrs = composed.network.self.podCidrs
    const lost = this.lostBlock(node)
    if (lost !== undefined) {
      this.say(lost)
      self.delete(SELF_KEY)
    } else if ('network' in composed) {
      this.say(undefined)
      self.set(SELF_KEY, composed.network)
    } else this.say(composed.lacks)
  }

  /** True if the change of this block can matter here. */
  concerns(block: PodBlock | undefined): boolean {
    if (block === undefined) return false
    return block.spec.nodeName === this.options.nodeName || this.podCidrs.includes(block.spec.cidr)
  }

  private lostBlock(node: Node | undefined): string | undefined {
    const { podCidrs } = this
    const { nodeName, blocks } = this.options
    const holders = new Map<string, string>()
    for (const [, { spec }] of blocks.entries()) {
      if (podCidrs.includes(spec.cidr)) holders.set(spec.cidr, spec.nodeName)
    }
    if ([...holders.values()].includes(nodeName)) this.claimed = true
    for (const cidr of podCidrs) {
      const holder = holders.get(cidr)
      if (holder !== undefined && holder !== nodeName) {
        return `the block ${cidr} of this node belongs to Node ${holder} now: its pods here are cut off, restart them`
      }
      if (holder === undefined && node === undefined && this.claimed) {
        return `the block ${cidr} was given up after Node ${nodeName} went: its pods here are cut off, restart them`
      }
    }
    return undefined
  }

  private say(reason: string | undefined): void {
    if (reason === this.reason) return
    this.reason = reason
    this.options.log.info('readiness changed', { lacks: reason ?? 'nothing' })
  }
}
