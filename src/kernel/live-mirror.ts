import { Mirror } from './mirror.ts'
import type { KernelEvent, ObservedEntry } from './operation.ts'

/**
 * The mirror that counts now. It follows events, and can be replaced by a new observation while it does: what events
 * tell since the observation began is newer than it.
 */
export class LiveMirror {
  private mirror = new Mirror()
  /**
   * For each observation under way, the keys that events have touched since it began; the earliest first. One that is
   * not here any more is of no use: a later one has ended before it.
   */
  private readonly observations = new Set<Set<string>>()

  get current(): Mirror {
    return this.mirror
  }

  /** Returns the keys that the event may have touched. */
  fold(event: KernelEvent): readonly string[] {
    const touched = this.mirror.fold(event)
    for (const keys of this.observations) for (const key of touched) keys.add(key)
    return touched
  }

  /**
   * Observes, then puts a new mirror in place of this one inside `guard`, and goes on with `then`. An observation that
   * ends after one that began later changes nothing: what no event told, the later one has seen, and this one may not.
   *
   * @param guard runs its task when nobody else uses the mirror
   */
  async replace(
    observe: () => Promise<readonly ObservedEntry[]>,
    guard: (task: () => Promise<void>) => Promise<void>,
    then: () => Promise<void>,
  ): Promise<void> {
    const touched = new Set<string>()
    this.observations.add(touched)
    try {
      const next = await Mirror.of(await observe())
      await guard(async () => {
        if (this.observations.has(touched)) this.takeUp(next, touched)
        await then()
      })
    } finally {
      this.observations.delete(touched)
    }
  }

  private takeUp(next: Mirror, touched: Set<string>): void {
    for (const key of touched) {
      const known = this.mirror.get(key)
      next.fold(known === undefined ? { event: 'gone', key } : { event: 'set', observed: known })
    }
    this.mirror = next
    for (const observation of this.observations) {
      this.observations.delete(observation)
      if (observation === touched) break
    }
  }
}
