import type { Change, Conflict, Origin } from './collection.ts'
import { changeOf } from './live-collection.ts'
import { deepFreeze, sameValue } from './value.ts'

/** Everyone who wants a value under one key. */
interface Slot<T, By> {
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
export class Claims<T, By extends object> {
  /** What stands. During an update, that of a key which is claimed already is from before; `settle` decides. */
  private readonly values: Map<string, T>
  /** Keys that one alone claims, as nearly all are: there is nothing more to remember of them. */
  private readonly sole = new Map<string, By>()
  /** The others, and those whose claims have changed in the present update. */
  private readonly slots = new Map<string, Slot<T, By>>()
  /** The values from before the present update, by key. */
  private readonly touched = new Map<string, T | undefined>()
  private readonly contested = new Set<string>()

  /** `values`, by key, is written here only. */
  constructor(values: Map<string, T>) {
    this.values = values
  }

  /** The value becomes frozen. */
  claim(key: string, by: By, value: T): void {
    const standing = this.values.get(key)
    if (standing === undefined) {
      this.touched.set(key, undefined)
      this.values.set(key, deepFreeze(value))
      this.sole.set(key, by)
      return
    }
    const agrees = sameValue(standing, value)
    if (agrees && this.sole.get(key) === by) return
    const slot = this.open(key, standing)
    const former = slot.claims.get(by)
    if (former !== undefined && sameValue(former.value, value)) return
    // Equal values share one object, so that comparing them again is cheap.
    slot.claims.set(by, { value: agrees ? standing : deepFreeze(value), agrees })
    slot.agreeing += Number(agrees) - Number(former?.agrees ?? false)
  }

  withdraw(key: string, by: By): void {
    const standing = this.values.get(key)
    if (standing === undefined) return
    const slot = this.open(key, standing)
    const claim = slot.claims.get(by)
    if (claim === undefined) return
    slot.claims.delete(by)
    slot.agreeing -= Number(claim.agrees)
  }

  /** Ends an update: decides every key that was touched and gives the differences. */
  settle(): readonly Change<T>[] {
    const changes: Change<T>[] = []
    for (const [key, before] of this.touched) {
      this.decide(key)
      const after = this.values.get(key)
      // A value that stays is the same object, see `claim`.
      if (after !== before) changes.push(changeOf(key, before, after))
    }
    this.touched.clear()
    return changes
  }

  /** Those whose claim has the value that stands, the oldest first. */
  *holders(key: string): Iterable<By> {
    const sole = this.sole.get(key)
    if (sole !== undefined) yield sole
    for (const [by, claim] of this.slots.get(key)?.claims ?? []) if (claim.agrees) yield by
  }

  conflicts(collection: string, nameOf: (by: By, key: string) => Origin): readonly Conflict<T>[] {
    const conflicts: Conflict<T>[] = []
    for (const key of this.contested) {
      const slot = this.slots.get(key)
      const standing = this.values.get(key)
      if (slot === undefined || standing === undefined) continue
      const claims = Array.from(slot.claims, ([by, { value, agrees }]) => ({
        by: nameOf(by, key),
        value,
        holds: agrees,
      }))
      conflicts.push({ collection, key, value: standing, claims })
    }
    return conflicts
  }

  /** The slot of a key whose claims are about to change. */
  private open(key: string, standing: T): Slot<T, By> {
    if (!this.touched.has(key)) this.touched.set(key, standing)
    const known = this.slots.get(key)
    if (known !== undefined) return known
    const slot: Slot<T, By> = { claims: new Map(), agreeing: 0 }
    this.slots.set(key, slot)
    const sole = this.sole.get(key)
    if (sole !== undefined) {
      this.sole.delete(key)
      slot.claims.set(sole, { value: standing, agrees: true })
      slot.agreeing = 1
    }
    return slot
  }

  private decide(key: string): void {
    const slot = this.slots.get(key)
    if (slot === undefined) return
    if (slot.agreeing === 0) this.hand(key, slot)
    if (slot.agreeing < slot.claims.size) this.contested.add(key)
    else this.contested.delete(key)
    if (slot.claims.size > 1) return
    this.slots.delete(key)
    for (const by of slot.claims.keys()) this.sole.set(key, by)
  }

  /** Nobody wants the value any more: the oldest claim takes over, if there is one. */
  private hand(key: string, slot: Slot<T, By>): void {
    const [oldest] = slot.claims.values()
    if (oldest === undefined) {
      this.values.delete(key)
      return
    }
    this.values.set(key, oldest.value)
    for (const [by, { value }] of slot.claims) {
      const agrees = sameValue(value, oldest.value)
      slot.claims.set(by, { value: agrees ? oldest.value : value, agrees })
      slot.agreeing += Number(agrees)
    }
  }
}
