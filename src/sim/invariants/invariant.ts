import type { World } from '../world/world.ts'

/** One promise of the design (section 6), as something that can be watched. */
export interface Invariant {
  /** `I1` */
  readonly name: string
  /** What must hold. */
  readonly words: string
  watch(world: World): Watcher
}

/** Answers are what is wrong, in words; undefined if nothing is. */
export interface Watcher {
  /** Asked after every event that changed something, whatever faults there are. */
  always?(): string | undefined
  /** Asked when all faults have been healed, for some time. */
  atRest?(): string | undefined
  /** Does something to the world at rest; `verdict` is asked when it had its time. */
  probe?(): void
  verdict?(): string | undefined
}
