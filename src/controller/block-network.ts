import { type Family, nthSubnet, type Prefix, subnetCount, tryParsePrefix } from '../ip/index.ts'
import { nextFreeBlock } from '../ipam/index.ts'
import type { NetworkConfig } from '../model/index.ts'
import type { PrefixIndex } from './prefix-index.ts'

/** One family of the pod network while a plan hands out its blocks. */
export class BlockNetwork {
  readonly prefix: Prefix
  readonly blockLength: number
  /** Number of the last block handed out; the plan goes upward only. */
  private last: bigint | undefined

  constructor(prefix: Prefix, blockLength: number) {
    this.prefix = prefix
    this.blockLength = blockLength
  }

  /** A block that nobody has, and that was not handed out before; undefined when there is none. */
  takeFree(taken: PrefixIndex<unknown>, takenPrefixes: readonly Prefix[]): Prefix | undefined {
    const block = this.neighbour(taken) ?? this.search(takenPrefixes)
    if (block !== undefined) this.last = this.numberOf(block)
    return block
  }

  /** Mostly the next one is free, which spares the search. */
  private neighbour(taken: PrefixIndex<unknown>): Prefix | undefined {
    if (this.last === undefined || this.last + 1n >= this.count()) return undefined
    const next = nthSubnet(this.prefix, this.blockLength, this.last + 1n)
    return taken.overlapping(next).next().done === true ? next : undefined
  }

  private search(taken: readonly Prefix[]): Prefix | undefined {
    const { prefix, blockLength, last } = this
    // a network of a single block has no second one to begin with
    const first = last === undefined ? (this.count() === 1n ? 0n : 1n) : last + 1n
    if (first >= this.count()) return undefined
    return nextFreeBlock(prefix, blockLength, taken, { min: nthSubnet(prefix, blockLength, first) })
  }

  private count(): bigint {
    return subnetCount(this.prefix, this.blockLength)
  }

  private numberOf(block: Prefix): bigint {
    const hostBits = BigInt((block.family === 4 ? 32 : 128) - this.blockLength)
    return (block.network - this.prefix.network) >> hostBits
  }
}

/** The families that a config has, IPv4 first. Defaults as in NetworkConfig. */
export function networksOf(config: NetworkConfig['spec']): BlockNetwork[] {
  const { network, ipv6Network, subnetLength = 24, ipv6SubnetLength = 64 } = config
  return [...networkOf(network, 4, subnetLength), ...networkOf(ipv6Network, 6, ipv6SubnetLength)]
}

function networkOf(text: string | undefined, family: Family, blockLength: number): BlockNetwork[] {
  const prefix = text === undefined ? undefined : tryParsePrefix(text)
  return prefix?.family === family ? [new BlockNetwork(prefix, blockLength)] : []
}
