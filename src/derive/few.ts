/**
 * A set that nearly always has one member: then it is the member itself, and no `Set`, which takes 150 bytes and more.
 * It is a value: what `withMember` and `withoutMember` return replaces it.
 */
export type Few<T extends object | string> = T | Set<T> | undefined

export function withMember<T extends object | string>(few: Few<T>, member: T): Few<T> {
  if (few === undefined || few === member) return member
  return isSet(few) ? few.add(member) : new Set([few, member])
}

/** Undefined when nothing is left. */
export function withoutMember<T extends object | string>(few: Few<T>, member: T): Few<T> {
  if (!isSet(few)) return few === member ? undefined : few
  few.delete(member)
  return few.size === 0 ? undefined : few
}

/** In the order in which they came. */
export function membersOf<T extends object | string>(few: Few<T>): Iterable<T> {
  if (few === undefined) return []
  return isSet(few) ? few : [few]
}

function isSet<T extends object | string>(few: Few<T>): few is Set<T> {
  return few instanceof Set
}
