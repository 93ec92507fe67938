import { Claims } from './claims.ts'
import type { Collection, Conflict } from './collection.ts'
import { wrongOrder } from './errors.ts'
import { liveOf } from './index-by.ts'
import { LiveCollection } from './live-collection.ts'
import type { OriginTrace } from './origin.ts'

/**
 * All items of all members. A key that several of them have with one value appears once; with different values it
 * is a conflict, decided as `Claims` says.
 */
export function union<T>(name: string, collections: readonly Collection<T>[]): Collection<T> {
  const [first] = collections
  if (first === undefined) throw new TypeError(`the union ${name} has no members`)
  const members = collections.map(collection => {
    if (collection.graph !== first.graph) throw wrongOrder(name, collection.name)
    return liveOf(collection)
  })
  const made = new UnionCollection(name, first.graph, [...new Set(members)])
  first.graph.initialise(made)
  return made
}

class UnionCollection<T> extends LiveCollection<T> {
  private readonly members: readonly LiveCollection<T>[]
  private readonly claims = new Claims<T, LiveCollection<T>>(this.values)
  private fresh = true

  constructor(name: string, graph: LiveCollection<T>['graph'], members: readonly LiveCollection<T>[]) {
    super(graph, name)
    this.members = members
    for (const member of members) member.follow(this)
  }

  update(): void {
    for (const member of this.members) {
      if (this.fresh) for (const [key, value] of member.entries()) this.claims.claim(key, member, value)
      for (const { key, after } of member.changes) {
        if (after === undefined) this.claims.withdraw(key, member)
        else this.claims.claim(key, member, after)
      }
    }
    this.fresh = false
    this.publish(this.claims.settle())
  }

  trace(key: string, trace: OriginTrace): void {
    if (!this.values.has(key) || !trace.visit(this.name, key)) return
    for (const member of this.claims.holders(key)) member.trace(key, trace)
  }

  conflicts(): readonly Conflict<T>[] {
    return [...this.members.flatMap(member => member.conflicts()), ...this.ownConflicts()]
  }

  ownConflicts(): readonly Conflict<T>[] {
    return this.claims.conflicts(this.name, (member, key) => ({ collection: member.name, key }))
  }
}
