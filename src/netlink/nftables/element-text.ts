import { invalidValue } from '../errors.ts'
import type { Data, Verdict } from './data.ts'
import type { Element } from './element.ts'
import { decodeRange, decodeRegister, encodeRange, encodeRegister, isRange, type Range } from './register.ts'
import type { Set } from './set.ts'

/** Elements as people write them, `10.0.0.0/8 : 80 . tcp`, and as the kernel holds them. */

/** One text per datatype of the set's key and value. */
export interface KeyedElement {
  readonly key: readonly string[]
  readonly value?: readonly string[] | Verdict
}

type SetTraits = Pick<Set, 'key' | 'value' | 'interval'>

/**
 * The kernel's elements for one: two in an interval set of one type (where it starts, where it has ended), one
 * otherwise. @throws PodlaceError for texts that are not of the set's types
 */
export function elementsOf(set: SetTraits, element: KeyedElement): Element[] {
  const range = encodeRange(set.key, element.key)
  const { from, to } = range
  const data = dataOf(set, element)
  const start: Element = { key: from, intervalEnd: false, ...(data === undefined ? {} : { data }) }
  if (!set.interval) {
    if (isRange(range)) {
      throw invalidValue('an element', `${element.key.join(' . ')} is a range, and the set has no intervals`)
    }
    return [start]
  }
  if (set.key.length > 1) return [{ ...start, keyEnd: to }]
  const behind = successor(to)
  return behind === undefined ? [start] : [start, { key: behind, intervalEnd: true }]
}

function dataOf(set: SetTraits, { value }: KeyedElement): Data | undefined {
  if (value === undefined) return undefined
  if ('do' in value) return { verdict: value }
  if (set.value === undefined || set.value === 'verdict') {
    throw invalidValue('an element', `the set has no values of the kind ${value.join(' . ')}`)
  }
  return { value: encodeRegister(set.value, value) }
}

/**
 * The inverse of `elementsOf` over all elements of a set, in the order of the keys. Prefixes and ranges come out in
 * their shortest form: `10.0.0.0/8`, `80-90`, and `10.0.0.1` for a /32. The catch-all element is left out.
 * @throws NetlinkError `netlink.malformed`
 */
export function keyedElements(set: SetTraits, elements: readonly Element[]): KeyedElement[] {
  return rangesOf(set, elements).map(({ range, data }) => {
    const key = decodeRange(set.key, range)
    if (data === undefined) return { key }
    if ('verdict' in data) return { key, value: data.verdict }
    const types = set.value === undefined || set.value === 'verdict' ? [] : set.value
    return { key, value: decodeRegister(types, data.value) }
  })
}

interface RangeWithData {
  readonly range: Range
  readonly data: Data | undefined
}

function rangesOf(set: SetTraits, elements: readonly Element[]): RangeWithData[] {
  const sorted = elements
    .flatMap(({ key, ...rest }) => (key === undefined ? [] : [{ key, ...rest }]))
    .sort(byKey)
  if (!set.interval || set.key.length > 1) {
    return sorted.map(({ key, keyEnd, data }) => ({ range: { from: key, to: keyEnd ?? key }, data }))
  }
  const ranges: RangeWithData[] = []
  let open: { key: Uint8Array; data?: Data } | undefined
  for (const element of sorted) {
    if (open !== undefined) {
      ranges.push({ range: { from: open.key, to: predecessor(element.key) }, data: open.data })
    }
    open = element.intervalEnd ? undefined : element
  }
  // An interval that nothing ends goes up to the last key there is.
  if (open !== undefined) {
    ranges.push({
      range: { from: open.key, to: new Uint8Array(open.key.length).fill(0xff) },
      data: open.data,
    })
  }
  return ranges
}

/** By key; where one interval ends and the next starts, the end comes first. */
function byKey(
  a: { key: Uint8Array; intervalEnd: boolean },
  b: { key: Uint8Array; intervalEnd: boolean },
): number {
  return Buffer.compare(a.key, b.key) || Number(b.intervalEnd) - Number(a.intervalEnd)
}

/** The next key as a number in network order; undefined behind the last one. */
function successor(key: Uint8Array): Uint8Array | undefined {
  const next = key.slice()
  for (let i = next.length - 1; i >= 0; i -= 1) {
    const byte = next[i] ?? 0
    next[i] = (byte + 1) & 0xff
    if (byte !== 0xff) return next
  }
  return undefined
}

function predecessor(key: Uint8Array): Uint8Array {
  const previous = key.slice()
  for (let i = previous.length - 1; i >= 0; i -= 1) {
    const byte = previous[i] ?? 0
    previous[i] = (byte + 0xff) & 0xff
    if (byte !== 0) break
  }
  return previous
}
