import type { Logger } from '../../base/index.ts'
import type { Collection, Source } from '../../derive/index.ts'
import { contains, type Family, tryParseAddress, tryParsePrefix } from '../../ip/index.ts'
import type { ObservedEntry } from '../../kernel/index.ts'
import type { NetworkConfig, Node, PodBlock } from '../../model/index.ts'
import { type AddressOverwrite, annotationsFor } from '../../overlay/index.ts'
import type { LeaseState } from './lease-state.ts'
import { SELF_KEY } from './plans.ts'
import { podCidrsOf } from './pod-cidrs.ts'
import { composeSelf, internalAddress, type SelfNetwork } from './self.ts'
import { findUplink } from './uplink.ts'
import type { KeyAnswer } from './wireguard-keys.ts'

export interface OwnNetworkOptions {
  readonly nodeName: string
  /** Why no pod can be attached before anything is known. */
  readonly lacksAtFirst: string
  /** Why there is no Node of this node's, in words. */
  readonly noNode: () => string
  /** Name of the NetworkConfig. */
  readonly configName: string
  /** Underlay device, if it is not to be found by an address. */
  readonly uplink: string | undefined
  /** The address that the underlay device has; default is the node's internal one. */
  readonly uplinkAddress: string | undefined
  readonly advertised: AddressOverwrite
  readonly nodes: Collection<Node>
  readonly configs: Collection<NetworkConfig>
  readonly blocks: Collection<PodBlock>
  /** Where the outcome stands, under `SELF_KEY`. */
  readonly self: Source<SelfNetwork>
  /** Has the keys at hand that the network asks for. */
  readonly takeUpKeys: (config: NetworkConfig | undefined) => KeyAnswer
  readonly observed: () => Iterable<ObservedEntry>
  readonly preStartupOutput: () => string | undefined
  /** Of which the node has iptables. */
  readonly iptablesFamilies: () => readonly Family[]
  readonly hasIpv6: boolean
  /** Devices of which nothing is to be left to the network card. */
  readonly softwareChecksums: () => readonly string[]
  readonly lease: {
    readonly state: LeaseState
    readonly cidrs: readonly string[]
    want(cidrs: readonly string[]): void
  }
  /** Addresses of the node's pools that attachments have, without prefix length. */
  readonly addressesInUse: () => Iterable<string>
  /** What the node has in the overlay must go, also what an earlier process left, and whether or not the store was heard. */
  readonly onFenced: () => void
  /** The claim is sure again before the store was heard: what is still there may stay until then. */
  readonly onUnfenced: () => void
  readonly log: Logger
}

/**
 * Decides whether and how this node takes part in the pod network. Once it does, it goes on even if its objects go: a
 * node whose object is deleted by mistake serves its pods, and only takes no new ones. It is fenced, that is, its part
 * of the overlay is taken down, when its block has passed to another node or was given up for good, and when it could
 * not confirm its claim for so long that this may have happened unheard: then nothing may answer for these addresses.
 */
export class OwnNetwork {
  private readonly options: OwnNetworkOptions
  private reason: string | undefined
  private isFenced = false
  /** The block was claimed in this node's name at some time: from then on its claim counts. */
  private claimed: boolean
  /** The blocks that pods here may have addresses of, also after they were lost. */
  private podCidrs: readonly string[]

  constructor(options: OwnNetworkOptions) {
    this.options = options
    this.reason = options.lacksAtFirst
    this.podCidrs = options.lease.cidrs
    this.claimed = this.podCidrs.length > 0
  }

  /** Why no pod can be attached now, in words; undefined if one can. Asks the clock: no timer has to fire first. */
  get lacks(): string | undefined {
    const { state } = this.options.lease
    return this.reason ?? (state.is === 'valid' ? undefined : state.why)
  }

  get fenced(): boolean {
    return this.isFenced
  }

  get network(): SelfNetwork | undefined {
    return this.options.self.get(SELF_KEY)
  }

  /** Looks at everything again; to be called when all kinds are known, and after each change that may matter. */
  look(): void {
    const { nodeName, configName, nodes, configs, self, lease } = this.options
    const node = nodes.get(nodeName)
    const composed = this.compose(node, configs.get(configName))
    if ('network' in composed) {
      this.podCidrs = composed.network.self.podCidrs
      lease.want(this.podCidrs)
    }
    const lost = this.lostBlock(node) ?? this.strayAddresses(node)
    const { state } = lease
    if (lost !== undefined) this.fence(lost)
    else if (state.is === 'over') this.fence(state.why)
    else if ('lacks' in composed) this.say(composed.lacks)
    else if (state.is === 'unconfirmed') this.say(state.why)
    else {
      this.isFenced = false
      this.say(undefined)
      self.set(SELF_KEY, composed.network)
    }
  }

  /** What the others would be told if these were its objects; or why it could not take part, in words. */
  announcement(node: Node, config: NetworkConfig): ReadonlyMap<string, string | null> | string {
    const composed = this.compose(node, config)
    if ('lacks' in composed) return composed.lacks
    const { self, overwrite } = composed.network
    return annotationsFor(config, self, overwrite)
  }

  /** What can be said before the store was heard: that a claim which the process before had is over by now, or no more. */
  lookAtLease(): void {
    const { state } = this.options.lease
    if (state.is === 'over') this.fence(state.why)
    else if (this.isFenced && state.is === 'valid') this.startOver()
  }

  /** True if the change of this block can matter here. */
  concerns(block: PodBlock | undefined): boolean {
    if (block === undefined) return false
    return block.spec.nodeName === this.options.nodeName || this.podCidrs.includes(block.spec.cidr)
  }

  private compose(node: Node | undefined, config: NetworkConfig | undefined): ReturnType<typeof composeSelf> {
    const { nodeName, configName, advertised, hasIpv6, takeUpKeys, noNode } = this.options
    const uplinkAddress = this.options.uplinkAddress ?? (node && internalAddress(node))
    const uplink = findUplink(this.options.observed(), {
      device: this.options.uplink,
      publicAddress: uplinkAddress,
      former: this.network?.self.uplink.device,
    })
    const keys = takeUpKeys(config)
    const inputs = {
      nodeName,
      configName,
      node,
      config,
      uplink,
      uplinkAddress,
      advertised,
      preStartupOutput: this.options.preStartupOutput(),
      iptablesFamilies: this.options.iptablesFamilies(),
      hasIpv6,
      softwareChecksums: this.options.softwareChecksums(),
      noNode: noNode(),
    }
    return 'lacks' in keys ? keys : composeSelf({ ...inputs, ...keys })
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
        return `the block ${cidr} was given up after Node ${nodeName} went: its pods here are cut off, restart them; ${this.options.noNode()}`
      }
    }
    return undefined
  }

  /**
   * A node that lost its block and got another one: the pods it attached before keep their addresses, which are another
   * node's now. It takes part again when they are gone.
   */
  private strayAddresses(node: Node | undefined): string | undefined {
    const blocks = node === undefined ? [] : podCidrsOf(node).flatMap(text => tryParsePrefix(text) ?? [])
    if (blocks.length === 0) return undefined
    const stray = [...this.options.addressesInUse()].filter(text => {
      const address = tryParseAddress(text)
      return address !== undefined && !blocks.some(block => contains(block, address))
    })
    if (stray.length === 0) return undefined
    return `pods here have addresses that are not of this node's blocks any more (${stray.slice(0, 3).join(', ')}): they are cut off, restart them`
  }

  private fence(reason: string): void {
    this.say(reason)
    this.isFenced = true
    this.options.self.delete(SELF_KEY)
    // While the claim is sure, a first list that says otherwise may be an old one: what is there from before may stay.
    if (this.options.lease.state.is !== 'valid') this.options.onFenced()
  }

  private startOver(): void {
    const { lacksAtFirst, onUnfenced } = this.options
    this.say(lacksAtFirst)
    this.isFenced = false
    onUnfenced()
  }

  private say(reason: string | undefined): void {
    if (reason === this.reason) return
    this.reason = reason
    this.options.log.info('readiness changed', { lacks: reason ?? 'nothing' })
  }
}
