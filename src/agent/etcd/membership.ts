import type { Clock, Logger } from '../../base/index.ts'
import type { Collection } from '../../derive/index.ts'
import type { EtcdClient } from '../../etcd/index.ts'
import { formatPrefix, parseInterfaceAddress } from '../../ip/index.ts'
import type { ObservedEntry } from '../../kernel/index.ts'
import type { NetworkConfig, Node } from '../../model/index.ts'
import { annotationsFor, formatLeaseKey, parseSubnetEnv } from '../../overlay/index.ts'
import type { Store } from '../../store/index.ts'
import { composeSelf } from '../network/self.ts'
import { findUplink } from '../network/uplink.ts'
import type { KeyAnswer } from '../network/wireguard-keys.ts'
import { claimError, SubnetClaim } from './subnet-claim.ts'
import { objectOf } from './subnet-objects.ts'
import { SubnetStore } from './subnet-store.ts'
import { SubnetTable } from './subnet-table.ts'

export interface MembershipOptions {
  readonly etcd: EtcdClient
  /** Where flannel's keys begin: `/coreos.com/network`. */
  readonly prefix: string
  readonly nodeName: string
  /** By which the configuration goes as a NetworkConfig. */
  readonly configName: string
  /** IPv4, where the others reach this node. */
  readonly publicAddress: string
  /** Underlay device, if it is not to be found by the public address. */
  readonly uplink: string | undefined
  readonly hasIpv6: boolean
  /** What a network of WireGuard needs of this node. */
  readonly takeUpKeys: (config: NetworkConfig) => KeyAnswer
  /** Of this machine's present life. */
  readonly bootId: string
  /** Of leases; default flannel's 24 hours. */
  readonly ttlSeconds?: number
  readonly observed: () => Iterable<ObservedEntry>
  /** Text of the subnet.env that was written last; throws, or is empty, if there is none. */
  readonly readSubnetFile: () => string
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
}

/** The agent that is to be a member, as far as that concerns. */
export interface Member {
  readonly nodes: Collection<Node>
  /** Looks again at whether the node takes part, and why not. */
  lookAtSelf(): void
}

const TTL_SECONDS = 86_400

/** How an agent takes part in a network whose nodes meet in an etcd, as flannel's do: its store, and its lease there. */
export class EtcdMembership {
  readonly store: Store
  private readonly options: MembershipOptions
  private readonly table: SubnetTable
  private claim: SubnetClaim | undefined

  constructor(options: MembershipOptions) {
    this.options = options
    const { ttlSeconds = TTL_SECONDS } = options
    this.table = new SubnetTable({ ...options, ttlSeconds, onUnreadable: () => this.claim?.poke() })
    this.store = new SubnetStore(this.table)
  }

  /** Why there is no Node of this node's, in words. */
  get noNode(): string {
    return `this node has no lease in etcd: ${this.claim?.fault ?? 'it is about to claim one'}`
  }

  /** Sees to it that the node has a lease, now and whenever it loses it. Returns the function that ends it. */
  join(member: Member): () => void {
    const { readSubnetFile, clock, random, log } = this.options
    const claim = new SubnetClaim({
      table: this.table,
      announcement: (config, cidrs) => this.announcement(config, cidrs),
      previous: () => previousBlocks(readSubnetFile),
      onFault: () => member.lookAtSelf(),
      clock,
      random,
      log,
    })
    this.claim = claim
    const end = member.nodes.subscribe(changes => {
      if (changes.some(({ key, after }) => key === this.options.nodeName && after === undefined)) claim.poke()
    })
    claim.poke()
    return () => {
      end()
      claim.stop()
    }
  }

  private announcement(config: NetworkConfig, cidrs: readonly string[]): ReadonlyMap<string, string> {
    const {
      nodeName,
      configName,
      hasIpv6,
      publicAddress,
      uplink: device,
      observed,
      takeUpKeys,
    } = this.options
    const keys = takeUpKeys(config)
    if ('lacks' in keys) throw claimError(keys.lacks)
    const composed = composeSelf({
      nodeName,
      configName,
      node: this.candidate(cidrs),
      config,
      uplink: findUplink(observed(), { device, publicAddress }),
      uplinkAddress: publicAddress,
      advertised: {},
      preStartupOutput: undefined,
      hasIpv6,
      noNode: '',
      ...keys,
    })
    if ('lacks' in composed) throw claimError(composed.lacks)
    const { self, overwrite } = composed.network
    const annotations = annotationsFor(config, self, overwrite)
    return new Map([...annotations].flatMap(([key, value]) => (value === null ? [] : [[key, value]])))
  }

  /** This node as it would be with these blocks. */
  private candidate(cidrs: readonly string[]): Node | undefined {
    const key = this.table.leaseKey(formatLeaseKey(cidrs))
    const value = JSON.stringify({ PublicIP: this.options.publicAddress })
    const kv = { key, value, createRevision: 0, modRevision: 0, version: 0, lease: 0n }
    const node = objectOf('Node', kv, { ...this.table.view, ownKey: key })
    return typeof node === 'object' ? node : undefined
  }
}

/** The blocks that the file speaks of, the IPv4 one first. */
function previousBlocks(read: () => string): readonly string[] {
  try {
    const { subnet, ipv6Subnet } = parseSubnetEnv(read())
    return [subnet, ipv6Subnet].flatMap(text =>
      text === undefined ? [] : [formatPrefix(parseInterfaceAddress(text).prefix)],
    )
  } catch {
    return []
  }
}
