import type { Clock } from '../base/index.ts'

const INTERVAL_MS = 10_000

/**
 * Has what malloc keeps for later given back now and then. The threads that compile for V8 take megabytes for as long as
 * they work on a function, each from an arena of its own, and malloc would keep them: 5 MB of an agent.
 *
 * @param trim gives back
 * @returns what ends it
 */
export function giveBackSpareMemory(clock: Clock, trim: () => void): () => void {
  const next = () =>
    clock.after(INTERVAL_MS, () => {
      trim()
      timer = next()
    })
  let timer = next()
  return () => timer.cancel()
}
