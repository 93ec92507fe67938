import { spliced } from './mutate-bytes.ts'

/** A shorter input that still does what `keeps` asks for: parts are left out, large ones first, `attemptsMax` times. */
export async function shrink(
  input: Uint8Array,
  attemptsMax: number,
  keeps: (shorter: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let best = input
  let attempts = 0
  for (let size = input.length; size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.length && attempts < attemptsMax; attempts += 1) {
      const shorter = spliced(best, at, Math.min(best.length, at + size), [])
      if (await keeps(shorter)) best = shorter
      else at += size
    }
  }
  return best
}
