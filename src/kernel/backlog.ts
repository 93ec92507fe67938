import { type Entry, entryKey } from './entry.ts'
import type { Cause } from './history.ts'
import { isSetting } from './kinds/setting.ts'
import type { Operation } from './operation.ts'

/** All operations on one key, which belong together: its deletion and its creation anew, for instance. */
export interface Step {
  readonly operations: Operation[]
  readonly cause: Cause
}

/** Steps by key, in the order in which they are to be carried out. */
export type Steps = ReadonlyMap<string, Step>

/** A plan as steps. `keys` are those it was made for; what it brings along has their cause. */
export function stepsOf(
  operations: readonly Operation[],
  keys: ReadonlyMap<string, Cause>,
): Map<string, Step> {
  let otherwise: Cause = 'drift'
  for (const cause of keys.values()) if (cause !== 'drift') otherwise = 'desired'
  const steps = new Map<string, Step>()
  for (const operation of operations) {
    const key = entryKey(operation.entry)
    const step = steps.get(key)
    if (step === undefined) steps.set(key, { operations: [operation], cause: keys.get(key) ?? otherwise })
    else step.operations.push(operation)
  }
  return steps
}

/**
 * What is planned and not yet carried out, in order. A long plan is taken off in slices, so that a pod that is to be
 * attached need not wait for all of it.
 */
export class Backlog {
  private readonly steps = new Map<string, Step>()

  get size(): number {
    return this.steps.size
  }

  has(key: string): boolean {
    return this.steps.has(key)
  }

  delete(key: string): void {
    this.steps.delete(key)
  }

  clear(): void {
    this.steps.clear()
  }

  /** What a newer plan says of a key counts, and has its place. */
  append(steps: Steps): void {
    for (const [key, step] of steps) {
      this.steps.delete(key)
      this.steps.set(key, step)
    }
  }

  /**
   * Takes off about `limit` steps, or all if that is not much more.
   *
   * @param isDue asked of every step just before it is taken; if false, it is dropped
   */
  take(limit: number, isDue: (key: string, step: Step) => boolean): Steps {
    const taken = new Map<string, Step>()
    const isLong = this.steps.size > limit
    let before: Bond
    for (const [key, step] of this.steps) {
      const bond = bondOf(step.operations[0]?.entry)
      const isBound = bond !== undefined && bond === before
      const isFull = taken.size >= limit || (before === 'link' && bond !== 'link')
      if (isLong && isFull && !isBound) break
      this.steps.delete(key)
      if (!isDue(key, step)) continue
      taken.set(key, step)
      before = bond
    }
    return taken
  }
}

type Bond = 'link' | 'nft' | undefined

/**
 * What must not be torn apart: links go up only when their settings are made, and an nftables table comes with its
 * elements in one transaction. Links also come by themselves, so that what hangs on one is not tried if it fails.
 */
function bondOf(entry: Entry | undefined): Bond {
  if (entry === undefined) return undefined
  if (entry.kind === 'link' || isSetting(entry)) return 'link'
  return entry.kind === 'nft-table' || entry.kind === 'nft-element' ? 'nft' : undefined
}
