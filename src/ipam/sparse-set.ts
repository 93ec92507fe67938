const WORD_BITS = 32n
const FULL = 0xffff_ffff

/**
 * A set of numbers below `size` that finds the next absent one in as many steps as `size` has base-32 digits,
 * however large and however full it is: a bitmap, above it a bitmap of its full words, and so on, kept only where
 * something is set. So a /64 costs no more than what is in use.
 */
export class SparseSet {
  readonly size: bigint
  private readonly levels: Map<bigint, number>[] = []

  constructor(size: bigint) {
    this.size = size
    for (let words = size; ; words = (words + WORD_BITS - 1n) / WORD_BITS) {
      this.levels.push(new Map())
      if (words <= WORD_BITS) break
    }
  }

  has(n: bigint): boolean {
    return (this.word(0, n >> 5n) & bitOf(n)) !== 0
  }

  add(n: bigint): void {
    let position = n
    for (const [level, words] of this.levels.entries()) {
      const index = position >> 5n
      const word = (this.word(level, index) | bitOf(position)) >>> 0
      words.set(index, word)
      // Only a word that has become full shows one level up.
      if (word !== FULL) return
      position = index
    }
  }

  delete(n: bigint): void {
    let position = n
    for (const [level, words] of this.levels.entries()) {
      const index = position >> 5n
      const before = this.word(level, index)
      const after = (before & ~bitOf(position)) >>> 0
      if (after === 0) words.delete(index)
      else words.set(index, after)
      if (before !== FULL) return
      position = index
    }
  }

  /** The smallest absent number from `from` on, below `size`. */
  nextAbsent(from: bigint): bigint | undefined {
    let position = from
    for (let level = 0; level < this.levels.length; level++) {
      const index = position >> 5n
      const bit = firstZero(this.word(level, index), Number(position & 31n))
      if (bit !== undefined) return this.descend(level, (index << 5n) | BigInt(bit))
      position = index + 1n
    }
    return undefined
  }

  /** From a word that is not full to its first absent number. */
  private descend(level: number, position: bigint): bigint | undefined {
    let found = position
    for (let below = level - 1; below >= 0; below--) {
      found = (found << 5n) | BigInt(firstZero(this.word(below, found), 0) ?? 0)
    }
    return found < this.size ? found : undefined
  }

  private word(level: number, index: bigint): number {
    return this.levels[level]?.get(index) ?? 0
  }
}

function bitOf(n: bigint): number {
  return (1 << Number(n & 31n)) >>> 0
}

/** The lowest clear bit at or above `from`. */
function firstZero(word: number, from: number): number | undefined {
  const clear = (~word & (FULL << from)) >>> 0
  return clear === 0 ? undefined : 31 - Math.clz32(clear & -clear)
}
