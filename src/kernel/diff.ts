import { ChildIndex } from './child-index.ts'
import type { Entry } from './entry.ts'
import type { Finding, ObservedEntry, Operation } from './operation.ts'
import { Planner, type World } from './planner.ts'

export interface Plan {
  /** In the order in which they must be carried out. */
  readonly operations: Operation[]
  readonly findings: Finding[]
}

/**
 * The operations that make `observed` into `desired`, in order; none: they agree. Pure. Both maps are keyed by
 * `entryKey`. Nothing that does not bear our mark is changed or deleted, except sysctls and `use` links, which are
 * set; what is in the way is a finding.
 */
export function diff(
  desired: ReadonlyMap<string, Entry>,
  observed: ReadonlyMap<string, ObservedEntry>,
): Plan {
  const desiredChildren = new ChildIndex()
  for (const [key, entry] of desired) desiredChildren.add(key, entry)
  const observedChildren = new ChildIndex()
  for (const [key, { entry }] of observed) observedChildren.add(key, entry)
  const keys = new Set(desired.keys())
  for (const key of observed.keys()) keys.add(key)
  return diffKeys(keys, {
    desired: key => desired.get(key),
    observed: key => observed.get(key),
    desiredChildren: key => desiredChildren.of(key),
    observedChildren: key => observedChildren.of(key),
  })
}

/**
 * The same for some keys only: costs what these keys cost, whatever the size of the rest. What must come along (the
 * children of a link that is made again) is added to the plan.
 */
export function diffKeys(keys: Iterable<string>, world: World): Plan {
  const planner = new Planner(world)
  for (const key of keys) planner.consider(key)
  return planner.finish()
}
