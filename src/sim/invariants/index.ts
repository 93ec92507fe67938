import { addressRests } from './i1-address-rests.ts'
import { uniqueAddresses } from './i1-unique-addresses.ts'
import { attachable, reachable } from './i2-reachable.ts'
import { nothingRemains } from './i3-nothing-remains.ts'
import { ownBlock } from './i4-own-block.ts'
import { noGhosts } from './i5-no-ghosts.ts'
import { foreignObjects } from './i6-foreign-objects.ts'
import { convergedAtRest, repairedSoon } from './i7-at-rest.ts'
import { journalFirst } from './i8-journal-first.ts'
import { neverForgets } from './i10-never-forgets.ts'
import { noBlindDeletes } from './i10-no-blind-deletes.ts'
import { boundedWork } from './i12-bounded-work.ts'
import type { Invariant } from './invariant.ts'

export type { Invariant, Watcher } from './invariant.ts'

/** In the order in which they are asked: what is nearest to a cause comes first. */
export const INVARIANTS: readonly Invariant[] = [
  journalFirst,
  foreignObjects,
  noBlindDeletes,
  neverForgets,
  ownBlock,
  uniqueAddresses,
  addressRests,
  nothingRemains,
  convergedAtRest,
  repairedSoon,
  noGhosts,
  attachable,
  reachable,
  boundedWork,
]
