import type { CniIp } from '../../attach/index.ts'
import { type Clock, NOTHING_ASIDE } from '../../base/index.ts'
import { firstHost, formatAddress, parsePrefix } from '../../ip/index.ts'
import { AddressPool, type Allocated } from '../../ipam/index.ts'
import { type AddressRequest, type AddressSource, type Holder, holderKey, type Lease } from './source.ts'

export interface NodePoolOptions {
  readonly clock: Clock
  readonly cooldownMs: number
}

interface Block {
  readonly cidr: string
  readonly gateway: string
  readonly pool: AddressPool
}

/**
 * The addresses of this node's own blocks, one of each family to a pod. In memory: the journal of attachments says
 * who holds what after a restart.
 */
export class NodePool implements AddressSource {
  private readonly options: NodePoolOptions
  private blocks: readonly Block[] = []

  constructor(options: NodePoolOptions) {
    this.options = options
  }

  /**
   * Takes up the node's blocks; a block that stays keeps its state.
   * @param held what attachments hold, as `holder key, address` pairs
   */
  setBlocks(cidrs: readonly string[], held: Iterable<readonly [string, string]>): void {
    const same =
      cidrs.length === this.blocks.length && cidrs.every((cidr, n) => this.blocks[n]?.cidr === cidr)
    if (same) return
    const known = new Map(this.blocks.map(block => [block.cidr, block]))
    this.blocks = cidrs.map(cidr => known.get(cidr) ?? this.open(cidr))
    const pairs = [...held]
    for (const block of this.blocks) if (!known.has(block.cidr)) restore(block, pairs)
  }

  /** These are found to be held, as `holder key, address` pairs. */
  hold(held: Iterable<readonly [string, string]>): void {
    const pairs = [...held]
    for (const block of this.blocks) restore(block, pairs)
  }

  async allocate<T>(
    holder: Holder,
    { addresses }: AddressRequest,
    use: (lease: Lease) => T,
  ): Promise<Allocated<T>> {
    const key = holderKey(holder)
    const ips: CniIp[] = []
    try {
      for (const { cidr, gateway, pool } of this.blocks) {
        const wanted = addresses.find(address => pool.rangeOf(address) !== undefined)
        ips.push({ address: `${pool.allocate(key, wanted)}/${parsePrefix(cidr).length}`, gateway })
      }
      return { result: use({ ips, routes: [], dns: {} }), kept: NOTHING_ASIDE }
    } catch (error) {
      await this.release(holder)
      throw error
    }
  }

  async release(holder: Holder): Promise<void> {
    for (const { pool } of this.blocks) pool.release(holderKey(holder))
  }

  async holds(holder: Holder): Promise<boolean> {
    return this.blocks.some(({ pool }) => pool.addressOf(holderKey(holder)) !== undefined)
  }

  /** Attachments hold these addresses, and give them back themselves. */
  async collect(): Promise<void> {}

  async fault(): Promise<string | undefined> {
    if (this.blocks.length === 0) return 'this node has no pod CIDR yet'
    const full = this.blocks.find(({ pool }) => BigInt(pool.held) >= pool.total)
    return full === undefined ? undefined : `all addresses of ${full.cidr} are held`
  }

  private open(cidr: string): Block {
    const prefix = parsePrefix(cidr)
    const gateway = formatAddress(firstHost(prefix))
    const { clock, cooldownMs } = this.options
    return {
      cidr,
      gateway,
      pool: new AddressPool({ ranges: [{ prefix: cidr, gateway }], clock, cooldownMs }),
    }
  }
}

function restore({ pool }: Block, held: readonly (readonly [string, string])[]): void {
  for (const [holder, address] of held) if (pool.rangeOf(address) !== undefined) pool.restore(holder, address)
}
