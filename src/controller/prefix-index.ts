import { type Family, formatAddress, lastAddress, overlaps, type Prefix } from '../ip/index.ts'

/**
 * Which of many prefixes overlap a given one, without looking at all of them: those inside it lie side by side in order
 * of their network, those around it have its own leading bits and can be looked up by length.
 */
export class PrefixIndex<T> {
  private readonly sorted: readonly Claim<T>[]
  private readonly exact = new Map<string, Claim<T>[]>()
  private readonly lengths = new Set<number>()

  constructor(claims: Iterable<Claim<T>>) {
    this.sorted = [...claims].sort(
      (a, b) => a.prefix.family - b.prefix.family || (a.prefix.network < b.prefix.network ? -1 : 1),
    )
    for (const claim of this.sorted) {
      const { family, network, length } = claim.prefix
      const key = keyOf(family, network, length)
      const present = this.exact.get(key)
      if (present === undefined) this.exact.set(key, [claim])
      else present.push(claim)
      this.lengths.add(length)
    }
  }

  *overlapping(prefix: Prefix): Generator<Claim<T>> {
    const { family, network, length } = prefix
    for (const shorter of this.lengths) {
      if (shorter >= length) continue
      const hostBits = BigInt((family === 4 ? 32 : 128) - shorter)
      if (hostBits >= 0n)
        yield* this.exact.get(keyOf(family, (network >> hostBits) << hostBits, shorter)) ?? []
    }
    const last = lastAddress(prefix).value
    for (let at = this.firstFrom(prefix); at < this.sorted.length; at += 1) {
      const claim = this.sorted[at]
      if (claim === undefined || claim.prefix.family !== family || claim.prefix.network > last) return
      if (claim.prefix.length >= length && overlaps(claim.prefix, prefix)) yield claim
    }
  }

  /** Where the claims begin whose network is not below the prefix's. */
  private firstFrom({ family, network }: Prefix): number {
    let low = 0
    let high = this.sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const at = this.sorted[middle]?.prefix
      const below = at !== undefined && (at.family < family || (at.family === family && at.network < network))
      if (below) low = middle + 1
      else high = middle
    }
    return low
  }
}

export interface Claim<T> {
  readonly prefix: Prefix
  readonly holder: T
}

function keyOf(family: Family, network: bigint, length: number): string {
  return `${formatAddress({ family, value: network })}/${length}`
}
