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
}

/** The medians of both sides as one row. */
export function toRow({ name, unit, better, ours, peer }: RowInput): Row {
  const mine = median(ours)
  if (peer === undefined) return { name, unit, ours: round(mine), peer: null, ratio: null, n: ours.length }
  const theirs = median(peer)
  const [above, below] = better === 'lower' ? [theirs, mine] : [mine, theirs]
  const ratio = below === 0 ? null : round(above / below)
  return { name, unit, ours: round(mine), peer: round(theirs), ratio, n: Math.min(ours.length, peer.length) }
}

/** Four digits that count; more would pretend to a precision that is not there. */
function round(value: number): number {
  return Number(value.toPrecision(4))
}

/** One side of a comparison: takes a handful of measurements each time it is called. */
export type Side = () => Promise<readonly number[]>

/**
 * Measures two sides in turns, so that whatever else the machine does hits both alike. Who begins changes from
 * round to round.
 */
export async function interleave(
  rounds: number,
  ours: Side,
  peer: Side,
): Promise<{ readonly ours: number[]; readonly peer: number[] }> {
  const taken = { ours: [] as number[], peer: [] as number[] }
  for (let round = 0; round < rounds; round += 1) {
    for (const side of round % 2 === 0 ? (['ours', 'peer'] as const) : (['peer', 'ours'] as const)) {
      taken[side].push(...(await (side === 'ours' ? ours() : peer())))
    }
  }
  return taken
}
