import type { Change, Conflict, Origin } from './collection.ts'
import { changeOf } from './live-collection.ts'
import { deepFreeze, sameValue } from './value.ts'

/** One key: the value that stands and everyone who wants a value there. */
interface Slot<T, By> {
  value: T
  /** In order of age: a Map keeps the place of a key that is set again. */
  readonly claims: Map<By, Claim<T>>
  /** How many claims have the value that stands. */
  agreeing: number
}

interface Claim<T> {
  readonly value: T
  readonly agrees: boolean
}

/**
 * Who claims which key with which value, and what comes of it.
 *
 * Equal claims are counted: the value stays until the last of them goes. Of unequal claims the value that stands
 * already stays while anybody claims it; when nobody does, the oldest claim wins. A claim keeps its age while its
 * owner goes on claiming the key, whatever the value.
 */
export class Claims<T, By> {
  private readonly slots = new Map<string, Slot<T, By>>()
  /** The values from before the present update, by key. */
  private readonly touched = new Map<string, T | undefined>()
  private readonly contested = new Set<string>()

  /** The value becomes frozen. */
  claim(key: string, by: By, value: T): void {
    const slot = this.slots.get(key)
    if (slot === undefined) {
      deepFreeze(value)
      this.slots.set(key, { value, claims: new Map([[by, { value, agrees: true }]]), agreeing: 1 })
      if (!this.touched.has(key)) this.touched.set(key, undefined)
      return
    }
    const former = slot.claims.get(by)
    if (former !== undefined && sameValue(former.value, value)) return
    this.touch(key, slot)
    const agrees = sameValue(slot.value, value)
    // Equal values share one object, so that comparing them again is cheap.
    slot.claims.set(by, { value: agrees ? slot.value : deepFreeze(value), agrees })
    slot.agreeing += Number(agrees) - Number(former?.agrees ?? false)
  }

  withdraw(key: string, by: By): void {
    const slot = this.slots.get(key)
    const claim = slot?.claims.get(by)
    if (slot === undefined || claim === undefined) return
    this.touch(key, slot)
    slot.claims.delete(by)
    slot.agreeing -= Number(claim.agrees)
  }

  /** Ends an update: decides every key that was touched and gives the differences. */
  settle(): readonly Change<T>[] {
    const changes: Change<T>[] = []
    for (const [key, before] of this.touched) {
      const after = this.decide(key)
      // A value that stays is the same object, see `claim`.
      if (after !== before) changes.push(changeOf(key, before, after))
    }
    this.touched.clear()
    return changes
  }

  /** Those whose claim has the value that stands, the oldest first. */
  *holders(key: string): Iterable<By> {
    for (const [by, claim] of this.slots.get(key)?.claims ?? []) if (claim.agrees) yield by
  }

  conflicts(collection: string, nameOf: (by: By, key: string) => Origin): readonly Conflict<T>[] {
    const conflicts: Conflict<T>[] = []
    for (const key of this.contested) {
      const slot = this.slots.get(key)
      if (slot === undefined) continue
      const claims = Array.from(slot.claims, ([by, { value, agrees }]) => ({
        by: nameOf(by, key),
        value,
        holds: agrees,
      }))
      conflicts.push({ collection, key, value: slot.value, claims })
    }
    return conflicts
  }

  private touch(key: string, slot: Slot<T, By>): void {
    if (!this.touched.has(key)) this.touched.set(key, slot.value)
  }

  private decide(key: string): T | undefined {
    const slot = this.slots.get(key)
    if (slot === undefined || slot.claims.size === 0) {
      this.slots.delete(key)
      this.contested.delete(key)
      return undefined
    }
    if (slot.agreeing === 0) hand(slot)
    if (slot.agreeing < slot.claims.size) this.contested.add(key)
    else this.contested.delete(key)
    return slot.value
  }
}

/** Nobody wants the value any more: the oldest claim takes over. */
function hand<T, By>(slot: Slot<T, By>): void {
  const [oldest] = slot.claims.values()
  if (oldest === undefined) return
  slot.value = oldest.value
  for (const [by, { value }] of slot.claims) {
    const agrees = sameValue(value, slot.value)
    slot.claims.set(by, { value: agrees ? slot.value : value, agrees })
    slot.agreeing += Number(agrees)
  }
}
