import { setTimeout as sleep } from 'node:timers/promises'

/** The kernel tells of carriers, and makes what comes of them, up to a second late. */
const LATE_MS = 3_000

/** Tries a comparison of what the kernel holds until it does not throw, for a while; then its error counts. */
export async function inTime(compare: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + LATE_MS
  for (;;) {
    try {
      return await compare()
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
    await sleep(100)
  }
}
