import { diff } from './diff.ts'
import { type Entry, entryKey } from './entry.ts'
import { kernelError } from './errors.ts'
import { rulesOf } from './kinds/index.ts'
import { isMoved } from './kinds/link.ts'
import type { ApplyContext, Finding, Kernel, ObservedEntry, Operation, Outcome } from './operation.ts'
import { sortForCreation } from './order.ts'
import { isOurs } from './ownership.ts'

/**
 * Makes entries in a namespace that is not followed, such as a pod's during ADD, without observing it first.
 *
 * Only if something is there already is the namespace looked at: what is as wanted counts as done, what is ours and
 * differs is changed, what is foreign stays and is the outcome's error. Nothing is undone.
 */
export async function applyOnce(
  kernel: Kernel,
  entries: Iterable<Entry>,
  context?: ApplyContext,
): Promise<readonly Outcome[]> {
  const operations = sortForCreation([...entries].map(firstTry))
  const outcomes = await kernel.apply(operations, context)
  const taken = outcomes.filter(({ error }) => error?.code === 'kernel.exists')
  if (taken.length === 0) return outcomes
  const mended = await mend(
    kernel,
    taken.map(({ operation }) => operation.entry),
    context,
  )
  // What is on a link that could not be made was not tried, and can be if the link that is there will do.
  const waiting = outcomes.filter(({ error }) => error?.code === 'kernel.link-missing')
  const possible = waiting.map(({ operation }) => operation.entry).filter(entry => isOnOne(entry, mended))
  for (const outcome of possible.length === 0 ? [] : await applyOnce(kernel, possible, context)) {
    mended.set(entryKey(outcome.operation.entry), outcome)
  }
  return outcomes.map(outcome => mended.get(entryKey(outcome.operation.entry)) ?? outcome)
}

/** True if the entry hangs on something that is as wanted now. */
function isOnOne(entry: Entry, mended: ReadonlyMap<string, Outcome>): boolean {
  const parents = rulesOf(entry).parents(entry)
  return parents.some(({ key }) => mended.has(key) && mended.get(key)?.error === undefined)
}

/**
 * Deletes those of the entries that are ours, in a namespace that is not followed, such as a pod's during DEL. What is
 * gone already, or belongs to others, has no outcome; devices that were moved here go back to where the entry says.
 */
export async function removeOnce(
  kernel: Kernel,
  entries: Iterable<Entry>,
  context?: ApplyContext,
): Promise<readonly Outcome[]> {
  const observed = new Map<string, ObservedEntry>()
  for (const item of await kernel.observe([], context)) observed.set(entryKey(item.entry), item)
  const isParentOurs = (entry: Entry) =>
    rulesOf(entry)
      .parents(entry)
      .some(({ key, bond }) => bond === 'vanishes' && observed.get(key)?.mark === 'ours')
  const doomed: Operation[] = []
  for (const entry of entries) {
    const seen = observed.get(entryKey(entry))
    if (seen === undefined || !isOurs(seen, isParentOurs)) continue
    doomed.push({ op: 'delete', entry: departure(entry, seen.entry), before: seen.entry, why: 'stale' })
  }
  return kernel.apply(sortForCreation(doomed).toReversed(), context)
}

/** What to delete: what was seen; of a device only the entry knows whence it was moved, and only the device its alias. */
function departure(entry: Entry, seen: Entry): Entry {
  if (entry.kind !== 'link' || !isMoved(entry) || seen.kind !== 'link' || !isMoved(seen)) return seen
  return { ...seen, movedFrom: { ...seen.movedFrom, ...entry.movedFrom } }
}

/** What would have to be done to make the entries true; empty if they are. Deletes nothing that is not named. */
export async function checkOnce(
  kernel: Kernel,
  entries: Iterable<Entry>,
  context?: ApplyContext,
): Promise<readonly Operation[]> {
  return (await inspectOnce(kernel, entries, context)).operations
}

export interface Inspection {
  readonly operations: readonly Operation[]
  readonly findings: readonly Finding[]
}

/** The same with what stands in the way, in words. */
export async function inspectOnce(
  kernel: Kernel,
  entries: Iterable<Entry>,
  context?: ApplyContext,
): Promise<Inspection> {
  const desired = new Map([...entries].map(entry => [entryKey(entry), entry]))
  const observed = new Map<string, ObservedEntry>()
  for (const item of await kernel.observe(desired.values(), context)) {
    const key = entryKey(item.entry)
    if (isOfAnotherLink(item.entry, desired.get(key))) {
      desired.delete(key)
      continue
    }
    // Links carry the rest; what else is there and not asked for is none of our business.
    if (desired.has(key) || item.entry.kind === 'link') observed.set(key, item)
  }
  const plan = diff(desired, observed)
  const operations = plan.operations.filter(({ entry }) => desired.has(entryKey(entry)))
  return { operations, findings: plan.findings.filter(({ severity }) => severity !== 'info') }
}

/**
 * Of two interfaces that ask for one route (both for the default route, say) the first has it, and the other does
 * without: that is how pods with several interfaces have always been.
 */
function isOfAnotherLink(seen: Entry, wanted: Entry | undefined): boolean {
  return wanted?.kind === 'route' && seen.kind === 'route' && seen.link !== wanted.link
}

function firstTry(entry: Entry): Operation {
  const exists = entry.kind === 'link' && entry.claim === 'use'
  return exists ? { op: 'change', entry, why: 'differs' } : { op: 'create', entry, why: 'missing' }
}

async function mend(
  kernel: Kernel,
  entries: readonly Entry[],
  context?: ApplyContext,
): Promise<Map<string, Outcome>> {
  const { operations, findings } = await inspectOnce(kernel, entries, context)
  const result = new Map<string, Outcome>()
  for (const entry of entries) result.set(entryKey(entry), { operation: firstTry(entry) })
  for (const outcome of await kernel.apply(operations, context)) {
    result.set(entryKey(outcome.operation.entry), outcome)
  }
  for (const { key, message } of findings) {
    const entry = entries.find(candidate => entryKey(candidate) === key)
    if (entry === undefined) continue
    const error = kernelError(`create ${key}`, message, { code: 'kernel.exists', errno: 'EEXIST', key })
    result.set(key, { operation: firstTry(entry), error })
  }
  return result
}
