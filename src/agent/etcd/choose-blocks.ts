import {
  addressBits,
  contains,
  firstAddress,
  formatPrefix,
  lastAddress,
  type Prefix,
  parsePrefix,
  prefixOf,
  tryParsePrefix,
} from '../../ip/index.ts'
import type { BlockRange } from '../../overlay/index.ts'

/** Among so many free ones, the first, a node draws its block, so that nodes which start together rarely meet. */
const CANDIDATES = 100

/** True if a node may have these blocks: one of each range. */
export function fitRanges(ranges: readonly BlockRange[], cidrs: readonly string[]): boolean {
  if (ranges.length !== cidrs.length) return false
  return ranges.every(({ first, last }, index) => {
    const block = tryParsePrefix(cidrs[index] ?? '')
    if (block?.family !== first.family || block.length !== first.length) return false
    return block.network >= first.network && block.network <= last.network
  })
}

/** True if none of the blocks shares an address with one that is taken. */
export function areFree(cidrs: readonly string[], taken: readonly string[]): boolean {
  return cidrs.every(cidr => {
    const block = parsePrefix(cidr)
    return isFree(block, takenOf(block, taken))
  })
}

/**
 * A free block of each range, by chance; undefined if a range has none.
 *
 * @param random uniform in [0, 1)
 */
export function chooseBlocks(
  ranges: readonly BlockRange[],
  taken: readonly string[],
  random: () => number,
): readonly string[] | undefined {
  const chosen: string[] = []
  for (const { first, last } of ranges) {
    const known = takenOf(first, taken)
    const free: Prefix[] = []
    const step = 1n << BigInt(addressBits(first.family) - first.length)
    let { network } = first
    while (network <= last.network && free.length < CANDIDATES) {
      const block = { ...first, network }
      const cover = coverOf(block, known)
      if (isFree(block, known)) free.push(block)
      // Past a larger prefix at once: it may hold more blocks than can be walked through.
      network = cover === undefined ? network + step : lastAddress(cover).value + 1n
    }
    const block = free[Math.floor(random() * free.length)]
    if (block === undefined) return undefined
    chosen.push(formatPrefix(block))
  }
  return chosen
}

/** What is taken, as blocks of one length see it. */
interface Taken {
  /** Of blocks that are taken, or of which a part is. */
  readonly networks: ReadonlySet<bigint>
  /** Prefixes that cover several blocks. */
  readonly larger: readonly Prefix[]
}

function takenOf({ family, length }: Prefix, taken: readonly string[]): Taken {
  const all = taken.map(parsePrefix).filter(prefix => prefix.family === family)
  return {
    networks: new Set(
      all.filter(prefix => prefix.length >= length).map(each => prefixOf(firstAddress(each), length).network),
    ),
    larger: all.filter(prefix => prefix.length < length),
  }
}

function isFree(block: Prefix, taken: Taken): boolean {
  return !taken.networks.has(block.network) && coverOf(block, taken) === undefined
}

function coverOf(block: Prefix, { larger }: Taken): Prefix | undefined {
  return larger.find(prefix => contains(prefix, firstAddress(block)))
}
