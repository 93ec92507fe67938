import {
  addressBits,
  contains,
  type Family,
  formatAddress,
  formatPrefix,
  lastAddress,
  type Prefix,
  prefixOf,
  tryParseAddress,
} from '../ip/index.ts'

/** Blocks of one length that nodes may take, from the first to the last. */
export interface BlockRange {
  readonly first: Prefix
  readonly last: Prefix
}

const FAMILIES = {
  4: { keys: '', longest: 30 },
  6: { keys: 'IPv6', longest: 126 },
} as const

/** One end of a range: its key, what is given, and what counts if nothing is. */
interface End {
  readonly key: string
  readonly given: unknown
  readonly usual: bigint
}

/**
 * The blocks that may be taken: all but the first of the network, whose address would be the network's own, or those
 * from SubnetMin to SubnetMax.
 *
 * @param file net-conf.json @param length of a block
 * @returns or the key that is wrong, and how
 */
export function blockRange(
  network: Prefix,
  length: number,
  file: Readonly<Record<string, unknown>>,
): BlockRange | { readonly key: string; readonly fault: string } {
  const { keys, longest } = FAMILIES[network.family]
  if (length > longest)
    return { key: `${keys}Network`, fault: `blocks of /${length} are too small: /${longest}` }
  if (length < network.length + 2) {
    return { key: `${keys}Network`, fault: `has room for less than four blocks of /${length}` }
  }
  const step = 1n << BigInt(addressBits(network.family) - length)
  const min = `${keys}SubnetMin`
  const max = `${keys}SubnetMax`
  const ends = [
    { key: min, given: file[min], usual: network.network + step },
    { key: max, given: file[max], usual: lastAddress(network).value + 1n - step },
  ] as const
  const blocks: Prefix[] = []
  for (const end of ends) {
    const block = endOf(end, network, length)
    if (typeof block === 'string') return { key: end.key, fault: block }
    blocks.push(block)
  }
  const [first, last] = blocks
  if (first === undefined || last === undefined || first.network > last.network) {
    return { key: min, fault: `is above ${max}: no block is left` }
  }
  return { first, last }
}

function endOf({ given, usual }: End, network: Prefix, length: number): Prefix | string {
  const { family }: { readonly family: Family } = network
  const address = addressIn(given)
  if (address === 'none') return `expected an address, found ${JSON.stringify(given)}`
  // flannel takes an address of zeros for none.
  const end = address === undefined || address.value === 0n ? { family, value: usual } : address
  const block = end.family === family ? prefixOf(end, length) : undefined
  if (block?.network === end.value && contains(network, end)) return block
  return `${formatAddress(end)} is not the beginning of a /${length} of ${formatPrefix(network)}`
}

function addressIn(given: unknown) {
  if (given === undefined || given === null || given === '') return undefined
  return (typeof given === 'string' ? tryParseAddress(given) : undefined) ?? 'none'
}
