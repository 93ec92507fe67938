/**
 * Equality by value: primitives (NaN equals itself), arrays, plain objects and byte arrays by content, anything
 * else (functions, class instances) by identity. A property that is absent differs from one that is undefined.
 */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b)
  if (Array.isArray(a)) return Array.isArray(b) && sameItems(a, b)
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0
  return isPlain(a) && isPlain(b) && sameProperties(a, b)
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (!sameValue(a[i], b[i])) return false
  return true
}

function sameProperties(a: Plain, b: Plain): boolean {
  let names = 0
  for (const name in a) {
    if (!Object.hasOwn(b, name) || !sameValue(a[name], b[name])) return false
    names += 1
  }
  return names === Object.keys(b).length
}

/**
 * Freezes plain objects and arrays all the way down and gives the value back. What is frozen already is taken to be
 * frozen whole, which also ends cycles; byte arrays cannot be frozen, and instances of classes are left alone.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  if (Array.isArray(value)) {
    Object.freeze(value)
    for (const item of value) deepFreeze(item)
  } else if (isPlain(value)) {
    Object.freeze(value)
    for (const name in value) deepFreeze(value[name])
  }
  return value
}

type Plain = Readonly<Record<string, unknown>>

function isPlain(value: object): value is Plain {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Order by UTF-16 code units: the same everywhere, whatever the locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
