import { formatPrefix, parseInterfaceAddress } from '../../ip/index.ts'
import type { NetworkConfig, Node } from '../../model/index.ts'
import { formatLeaseKey, parseSubnetEnv } from '../../overlay/index.ts'
import type { Store } from '../../store/index.ts'
import { claimError, SubnetClaim, type SubnetClaimOptions } from './subnet-claim.ts'
import { objectOf } from './subnet-objects.ts'
import { SubnetStore } from './subnet-store.ts'
import { SubnetTable, type SubnetTableOptions } from './subnet-table.ts'

export interface MembershipOptions
  extends Omit<SubnetTableOptions, 'ttlSeconds' | 'onLost'>,
    Pick<SubnetClaimOptions, 'clock' | 'random' | 'log'> {
  /** Of leases; default flannel's 24 hours. */
  readonly ttlSeconds?: number
  /** Text of the subnet.env that was written last; throws, or is empty, if there is none. */
  readonly readSubnetFile: () => string
}

/** The agent that is to be a member, as far as that concerns. */
export interface Member {
  /** Looks again at whether the node takes part, and why not. */
  lookAtSelf(): void
  /** What the others would be told if these were its objects; or why it could not take part, in words. */
  announcement(node: Node, config: NetworkConfig): ReadonlyMap<string, string | null> | string
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
    this.table = new SubnetTable({ ...options, ttlSeconds, onLost: () => this.claim?.poke() })
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
      announcement: (config, cidrs) => this.announcement(member, config, cidrs),
      previous: () => previousBlocks(readSubnetFile),
      onFault: () => member.lookAtSelf(),
      clock,
      random,
      log,
    })
    this.claim = claim
    claim.poke()
    return () => claim.stop()
  }

  private announcement(
    member: Member,
    config: NetworkConfig,
    cidrs: readonly string[],
  ): ReadonlyMap<string, string> {
    const found = member.announcement(this.candidate(cidrs), config)
    if (typeof found === 'string') throw claimError(found)
    // Backend extension has nothing to say before its program has run.
    if (found.size === 0) throw claimError('the backend does not know yet what to tell the others')
    return new Map([...found].flatMap(([key, value]) => (value === null ? [] : [[key, value]])))
  }

  /** This node as it would be with these blocks. */
  private candidate(cidrs: readonly string[]): Node {
    const key = this.table.leaseKey(formatLeaseKey(cidrs))
    const value = JSON.stringify({ PublicIP: this.options.publicAddress, BackendType: '' })
    const kv = { key, value, createRevision: 0, modRevision: 0, version: 0, lease: 0n }
    const node = objectOf('Node', kv, { ...this.table.view, ownKey: key })
    if (typeof node === 'object') return node
    throw claimError(`this node cannot have the blocks ${cidrs.join(' ')}: ${node ?? 'they are no blocks'}`)
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
