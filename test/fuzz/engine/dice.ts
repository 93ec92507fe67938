/** A seeded source of chance (mulberry32): one seed, one sequence. */
export class Dice {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** A whole number from 0 to `bound` - 1; 0 if the bound is less than 1. */
  below(bound: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * Math.max(bound, 0))
  }

  oneIn(count: number): boolean {
    return this.below(count) === 0
  }

  /** Throws RangeError for an empty list. */
  pick<T>(items: readonly T[]): T {
    for (const item of items.slice(this.below(items.length)).slice(0, 1)) return item
    throw new RangeError('there is nothing to pick from')
  }
}
