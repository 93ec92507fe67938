import type { Cause } from './history.ts'

/**
 * Keys that somebody is to look at, and why. Only marks: what is to be done is found out when their turn comes. A key
 * that a `run` waits to converge is reserved for it, since it may have brought what that takes.
 */
export class DirtyKeys {
  private causes = new Map<string, Cause>()
  /** How many wait to converge the key. */
  private readonly reservations = new Map<string, number>()

  /** A change of what is desired is never mistaken for a repair, whatever else happens to the key. */
  mark(key: string, cause: Cause): void {
    if (this.isReserved(key)) return
    if (this.causes.get(key) !== 'desired') this.causes.set(key, cause)
  }

  reserve(keys: Iterable<string>): void {
    for (const key of keys) {
      this.reservations.set(key, (this.reservations.get(key) ?? 0) + 1)
      this.causes.delete(key)
    }
  }

  /** Whoever reserved them looks at them now. */
  release(keys: Iterable<string>): void {
    for (const key of keys) {
      const count = this.reservations.get(key) ?? 0
      if (count > 1) this.reservations.set(key, count - 1)
      else this.reservations.delete(key)
    }
  }

  /** True if a `run` waits to converge the key. */
  isReserved(key: string): boolean {
    return this.reservations.has(key)
  }

  /** True if somebody is going to look at the key. */
  has(key: string): boolean {
    return this.causes.has(key) || this.isReserved(key)
  }

  /** Without those that are reserved. */
  get size(): number {
    return this.causes.size
  }

  /** Hands out all that are not reserved, and forgets them. */
  takeAll(): Map<string, Cause> {
    const taken = this.causes
    this.causes = new Map()
    return taken
  }
}
