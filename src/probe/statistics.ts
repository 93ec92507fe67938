/** Round-trip times in milliseconds, summed up. */
export interface RttSummary {
  readonly count: number
  readonly minMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** Undefined if there is nothing to sum up. */
export function summarizeRtts(rttsMs: readonly number[]): RttSummary | undefined {
  const sorted = [...rttsMs].sort((a, b) => a - b)
  const minMs = sorted[0]
  const maxMs = sorted.at(-1)
  if (minMs === undefined || maxMs === undefined) return undefined
  return { count: sorted.length, minMs, p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99), maxMs }
}

/** The smallest value that at least `share` of all are not above (nearest rank); `sorted` is not empty. */
export function quantile(sorted: readonly number[], share: number): number {
  const rank = Math.max(1, Math.ceil(share * sorted.length))
  return sorted[rank - 1] ?? Number.NaN
}

/** Middle value; the mean of the two middle ones for an even count; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  if (sorted.length % 2 === 1) return sorted[Math.floor(middle)] ?? Number.NaN
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}
