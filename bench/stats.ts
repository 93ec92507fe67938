/** Arithmetic of the benchmarks: what is reported of many measurements, and in which order they are taken. */

/** The value below which a share `q` of the measurements lies, between neighbours interpolated. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new RangeError('no measurements')
  if (!(q >= 0 && q <= 1)) throw new RangeError(`quantile ${q} is not between 0 and 1`)
  const sorted = values.toSorted((a, b) => a - b)
  const position = q * (sorted.length - 1)
  const low = sorted[Math.floor(position)] ?? Number.NaN
  const high = sorted[Math.ceil(position)] ?? Number.NaN
  return low + (high - low) * (position - Math.floor(position))
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Distance between the quartiles as a share of the median: 0.1 means that half of all lie within about 5 % of it. */
export function spread(values: readonly number[]): number {
  const middle = median(values)
  return middle === 0 ? 0 : (quantile(values, 0.75) - quantile(values, 0.25)) / middle
}

export interface Row {
  readonly name: string
  readonly unit: string
  readonly ours: number | null
  readonly peer: number | null
  /** How many times better ours is than the peer's: above 1 is better, whatever the unit. */
  readonly ratio: number | null
  /** Ends of the 95 % confidence interval of `ratio`, where it was asked for. */
  readonly low?: number
  readonly high?: number
  /** Measurements per side. */
  readonly n: number
}

export interface RowInput {
  readonly name: string
  readonly unit: string
  readonly better: 'lower' | 'higher'
  readonly ours: readonly number[]
  /** Absent in a row that has no peer. */
  readonly peer?: readonly number[]
  /** Uniform in [0, 1). With it the row gets a confidence interval; `ours` and `peer` must be pairs of rounds. */
  readonly random?: () => number
}

/** The medians of both sides as one row. */
export function toRow({ name, unit, better, ours, peer, random }: RowInput): Row {
  const mine = median(ours)
  if (peer === undefined) return { name, unit, ours: round(mine), peer: null, ratio: null, n: ours.length }
  const theirs = median(peer)
  const ratio = ratioOf(better, mine, theirs)
  const n = Math.min(ours.length, peer.length)
  const row = { name, unit, ours: round(mine), peer: round(theirs), ratio: ratio && round(ratio), n }
  if (random === undefined) return row
  const { low, high } = ratioInterval(better, ours, peer, random)
  return { ...row, low: round(low), high: round(high) }
}

function ratioOf(better: RowInput['better'], ours: number, peer: number): number | null {
  const [above, below] = better === 'lower' ? [peer, ours] : [ours, peer]
  return below === 0 ? null : above / below
}

const RESAMPLES = 2000

/**
 * The 95 % confidence interval of the ratio of medians, by the bootstrap (Efron's percentiles). Rounds are drawn, not
 * measurements: what disturbed a round hit both sides of it, and stays with both.
 */
export function ratioInterval(
  better: RowInput['better'],
  ours: readonly number[],
  peer: readonly number[],
  random: () => number,
): { readonly low: number; readonly high: number } {
  if (ours.length !== peer.length)
    throw new RangeError(`${ours.length} rounds of ours, ${peer.length} of the peer`)
  const ratios = Array.from({ length: RESAMPLES }, () => {
    const drawn = ours.map(() => Math.floor(random() * ours.length))
    const of = (values: readonly number[]) => median(drawn.map(index => values[index] ?? Number.NaN))
    return ratioOf(better, of(ours), of(peer)) ?? Number.POSITIVE_INFINITY
  })
  return { low: quantile(ratios, 0.025), high: quantile(ratios, 0.975) }
}

/** Four digits that count; more would pretend to a precision that is not there. */
function round(value: number): number {
  return Number(value.toPrecision(4))
}

/**
 * Measures the sides in turns, so that whatever else the machine does hits all alike; who begins changes from round to
 * round.
 *
 * @returns what `take` gave for a side, one item a round
 */
export async function interleave<S, T>(
  rounds: number,
  sides: readonly S[],
  take: (side: S) => Promise<T>,
): Promise<(side: S) => readonly T[]> {
  const taken = new Map<S, T[]>(sides.map(side => [side, []]))
  for (let round = 0; round < rounds; round += 1) {
    const first = round % sides.length
    for (const side of [...sides.slice(first), ...sides.slice(0, first)]) {
      const value = await take(side)
      taken.get(side)?.push(value)
    }
  }
  return side => taken.get(side) ?? []
}
