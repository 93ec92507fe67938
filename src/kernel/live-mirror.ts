import { Mirror } from './mirror.ts'
import type { KernelEvent, ObservedEntry } from './operation.ts'

/**
 * The mirror that counts now. It follows events, and can be replaced by a new observation while it does: what events
 * tell since the observation began is newer than it.
 */
export class LiveMirror {
  private mirror = new Mirror()
  /** For each observation under way, the keys that events have touched since it began. */
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
   * Observes, then puts a new mirror in place of this one inside `guard`, and goes on with `then`.
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
        for (const key of touched) {
          const known = this.mirror.get(key)
          next.fold(known === undefined ? { event: 'gone', key } : { event: 'set', observed: known })
        }
        this.mirror = next
        this.observations.delete(touched)
        await then()
      })
    } finally {
      this.observations.delete(touched)
    }
  }
}
