import { addressBits, lastAddress, nthSubnet, overlaps, type Prefix, subnetCount } from '../ip/index.ts'

export interface BlockBounds {
  /** The first block that may be used; by default the second of the network, as flannel's SubnetMin. */
  readonly min?: Prefix
  /** The last one; by default the last of the network. */
  readonly max?: Prefix
}

/**
 * The first block of `length` in the network that no taken prefix touches, or undefined if there is none. Taken
 * prefixes may be larger or smaller than a block, and outside the network. The cost grows with how many are taken,
 * not with the network.
 *
 * @throws IpError `ip.out-of-range` if the length does not fit the network
 */
export function nextFreeBlock(
  network: Prefix,
  length: number,
  taken: Iterable<Prefix>,
  bounds: BlockBounds = {},
): Prefix | undefined {
  const shift = BigInt(addressBits(network.family) - length)
  const numberOf = (value: bigint) => (value - network.network) >> shift
  const count = subnetCount(network, length)
  // The first block is left out so that nothing ends in the network's own address, which some software avoids.
  let candidate = bounds.min === undefined ? 1n : numberOf(bounds.min.network)
  const end = bounds.max === undefined ? count : numberOf(bounds.max.network) + 1n
  const numbers = [...taken]
    .filter(prefix => overlaps(network, prefix))
    .map(prefix => [numberOf(prefix.network), numberOf(lastAddress(prefix).value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  for (const [first, last] of numbers) {
    if (first > candidate) break
    if (last >= candidate) candidate = last + 1n
  }
  return candidate < end && candidate < count ? nthSubnet(network, length, candidate) : undefined
}
