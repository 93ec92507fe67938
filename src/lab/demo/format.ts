/** A round-trip time with two decimals: `0.06 ms`. */
export function formatRtt(ms: number): string {
  return ms < 100 ? `${ms.toFixed(2)} ms` : `${Math.round(ms)} ms`
}

/** `9.8 Gbit/s`. */
export function formatBitrate(bitsPerSecond: number): string {
  return `${inGbits(bitsPerSecond)} Gbit/s`
}

/** `9.8`, where the unit stands before already. */
export function inGbits(bitsPerSecond: number): string {
  return (bitsPerSecond / 1e9).toFixed(1)
}

/** `1,204`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}

/** `14 ms`, `1.2 s`. */
export function formatDuration(ms: number): string {
  return ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`
}
