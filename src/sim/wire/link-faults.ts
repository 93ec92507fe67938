import type { KubernetesRequest } from '../../store/index.ts'

/** How the server answers instead of what was asked. */
export interface Refusal {
  readonly status: 429 | 500 | 503 | 504
  readonly retryAfterSeconds?: number
  /** The work is done all the same, as when a server loses its patience with its database. */
  readonly afterWork?: boolean
}

/** As in the path of a watch: by it one watch has a fault and the others of its line have none. */
export type WatchedResource = 'nodes' | 'podblocks'

/** What is wrong with one line to the API server, as long as it lasts. */
export interface LinkFaults {
  /** Nothing passes, or only the `answers` are lost: the server does the work and nobody hears of it. */
  partition: 'none' | 'both' | 'answers'
  /** Added to the way of every message, ms. */
  slowMs: number
  /** Added to the way of every piece of a watch, ms. */
  watchLagMs: number
  /** Which watches lag behind; all of them if undefined. */
  lagging: WatchedResource | undefined
  /** What every request gets. */
  refusal: Refusal | undefined
  /** `fail`: the connection breaks in the middle of a list. `stale`: lists come from a replica that lags behind. */
  lists: 'good' | 'fail' | 'stale'
  /** How many revisions a stale list is old. */
  staleBy: number
  /** What becomes of new watches: the connection is refused, or the revision has always expired (410). */
  watches: 'good' | 'refused' | 'expired'
  /** Watches stay, and tell nothing but bookmarks of what they have told already; the events come after healing. */
  bookmarksOnly: boolean
  /** Which watches tell only bookmarks; all of them if undefined. */
  silenced: WatchedResource | undefined
}

/** True if a fault of the watches of `resource`, of all if undefined, hits this one. */
export function isAbout({ path }: KubernetesRequest, resource: WatchedResource | undefined): boolean {
  return resource === undefined || path.split('?')[0]?.endsWith(`/${resource}`) === true
}

export function noFaults(): LinkFaults {
  return {
    partition: 'none',
    slowMs: 0,
    watchLagMs: 0,
    lagging: undefined,
    refusal: undefined,
    lists: 'good',
    staleBy: 10,
    watches: 'good',
    bookmarksOnly: false,
    silenced: undefined,
  }
}
