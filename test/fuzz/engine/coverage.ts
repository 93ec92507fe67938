/** Thrown out of instrumented code that has taken more steps than it may. */
export class TooManySteps extends Error {}

/** Runs this often are one bucket: 1, 2, 3, 4 to 7, 8 to 15, and so on by powers of two. */
export const BUCKETS = 64
/** More branches than the product has. */
export const EDGES_MAX = 1 << 16

/** Counts how often each branch of the instrumented code runs, one execution at a time. */
export class Coverage {
  private readonly counts = new Uint32Array(EDGES_MAX)
  private readonly touched = new Uint32Array(EDGES_MAX)
  private touchedCount = 0
  private limit = Number.POSITIVE_INFINITY
  /** Branches run and elements copied since `begin`. */
  steps = 0

  /** What instrumented code calls at the start of branch number `edge`. Throws TooManySteps over the limit. */
  readonly hit = (edge: number): void => {
    const before = this.counts[edge] ?? 0
    if (before === 0) {
      this.touched[this.touchedCount] = edge
      this.touchedCount += 1
    }
    this.counts[edge] = before + 1
    this.steps += 1
    if (this.steps > this.limit) throw new TooManySteps(`more than ${this.limit} steps`)
  }

  /** What instrumented code passes the lists through that it copies: each element is a step, though no branch runs. */
  readonly spread = <T>(list: T): T => {
    if (Array.isArray(list)) this.steps += list.length
    return list
  }

  /**
   * What instrumented code compares by, at place number `edge`: `===`, and how near it was. Nearer is new ground, so that
   * a number is found bit by bit and a text character by character.
   */
  readonly same = (edge: number, left: unknown, right: unknown): boolean => {
    const nearness = nearnessOf(left, right)
    if (nearness > 0) {
      if (this.counts[edge] === 0) {
        this.touched[this.touchedCount] = edge
        this.touchedCount += 1
      }
      this.counts[edge] = Math.max(this.counts[edge] ?? 0, 2 ** nearness)
    }
    return left === right
  }

  /** Forgets the last execution; the next may take `limit` steps. */
  begin(limit: number): void {
    for (let n = 0; n < this.touchedCount; n += 1) this.counts[this.touched[n] ?? 0] = 0
    this.touchedCount = 0
    this.steps = 0
    this.limit = limit
  }

  /** True if the execution was stopped: the code under test may have caught what was thrown. */
  get isOverLimit(): boolean {
    return this.steps > this.limit
  }

  /** The branches that ran. */
  edges(): number[] {
    return Array.from(this.touched.subarray(0, this.touchedCount))
  }

  /** Calls `see` for each branch that ran with one number for the branch and the bucket of its count. */
  forEachFeature(see: (feature: number) => void): void {
    for (let n = 0; n < this.touchedCount; n += 1) {
      const edge = this.touched[n] ?? 0
      see(edge * BUCKETS + bucketOf(this.counts[edge] ?? 0))
    }
  }
}

function bucketOf(count: number): number {
  return count < 4 ? count : 34 - Math.clz32(count)
}

const NEARNESS_MAX = 28

/** 0 for what is not near: values of other types, texts that begin differently. */
function nearnessOf(left: unknown, right: unknown): number {
  if (typeof left === 'number' && typeof right === 'number') {
    let differing = left ^ right
    let bits = 0
    for (; differing !== 0; differing &= differing - 1) bits += 1
    return Math.max(0, NEARNESS_MAX - bits)
  }
  if (typeof left !== 'string' || typeof right !== 'string') return 0
  let at = 0
  while (at < NEARNESS_MAX && at < left.length && left[at] === right[at]) at += 1
  return at
}
