import type { PodBlock } from '../model/index.ts'

interface Release {
  /** Which object, and which of its claims: a block that was claimed again in between is released anew. */
  readonly of: string
  /** Monotonic, milliseconds. */
  readonly sinceMs: number
}

/**
 * Since when each block has been seen released, by the monotonic clock of this controller. It begins anew with the
 * process, and with a store that was restored and shows an older release: then a block waits longer, never shorter.
 */
export class ReleaseTimes {
  private releases: ReadonlyMap<string, Release> = new Map()

  /** Takes up what is released now. */
  observe(blocks: Iterable<PodBlock>, nowMs: number): void {
    const present = new Map<string, Release>()
    for (const { metadata, spec } of blocks) {
      if (spec.releasedAt === undefined) continue
      const of = `${metadata.uid} ${metadata.generation} ${spec.releasedAt}`
      const known = this.releases.get(metadata.name)
      present.set(metadata.name, known?.of === of ? known : { of, sinceMs: nowMs })
    }
    this.releases = present
  }

  /** For how long each has been seen released, by name, milliseconds. */
  ages(nowMs: number): Map<string, number> {
    return new Map([...this.releases].map(([name, { sinceMs }]) => [name, nowMs - sinceMs]))
  }
}
