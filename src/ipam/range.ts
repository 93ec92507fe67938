import {
  type Address,
  addressBits,
  compareAddresses,
  contains,
  type Family,
  firstAddress,
  formatAddress,
  formatPrefix,
  lastAddress,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '../ip/index.ts'
import { badExclusion, outOfRange, overlap, tooSmall } from './errors.ts'
import { type Exclusion, tryParseExclusion } from './exclusion.ts'

/** Addresses to hand out, as a configuration says it; all texts as the `ip` room parses them. */
export interface AddressRange {
  readonly prefix: string
  /** Default: the first usable address of the prefix. */
  readonly rangeStart?: string
  /** Default: the last usable address of the prefix. */
  readonly rangeEnd?: string
  /** Never handed out. */
  readonly gateway?: string
  /** Never handed out; each as `tryParseExclusion` reads it. */
  readonly exclusions?: readonly string[]
}

/** A run of addresses that may be handed out, `first` to `last` inclusive. */
export interface Span {
  readonly range: AddressRange
  readonly family: Family
  readonly first: bigint
  readonly last: bigint
}

/**
 * What can be handed out of the ranges, in their order.
 *
 * Not usable are the network and broadcast addresses of an IPv4 prefix up to /30 (a /31 has neither, RFC 3021; a
 * /32 is its only address), and the subnet-router anycast address, the first of an IPv6 prefix up to /126
 * (RFC 4291 section 2.6.1; a /127 has none, RFC 6164).
 *
 * @throws IpamError `ipam.out-of-range`, `ipam.overlap`, `ipam.too-small`, `ipam.exclusion`; IpError for malformed text
 */
export function spansOf(ranges: readonly AddressRange[]): readonly Span[] {
  refuseOverlap(ranges)
  return ranges.flatMap(range => {
    const spans = withoutExcluded(boundsOf(range))
    if (spans.length === 0) throw tooSmall(range.prefix)
    return spans
  })
}

/**
 * Ranges of one set, or of all sets of a network, must not share addresses.
 * @throws IpamError `ipam.overlap`, `ipam.out-of-range`, `ipam.too-small`; IpError for malformed text
 */
export function refuseOverlap(ranges: readonly AddressRange[]): void {
  // In order each has to be looked at beside the one before it only; there may be very many.
  const inOrder = ranges.map(boundsOf).sort((a, b) => a.family - b.family || (a.first < b.first ? -1 : 1))
  for (const [n, one] of inOrder.entries()) {
    const before = inOrder[n - 1]
    if (before?.family === one.family && one.first <= before.last) {
      throw overlap(one.range.prefix, before.range.prefix)
    }
  }
}

function boundsOf(range: AddressRange): Span {
  const prefix = parsePrefix(range.prefix)
  const lowest = firstUsable(prefix)
  const highest = lastUsable(prefix)
  const first = range.rangeStart === undefined ? lowest : parseWithin(range.rangeStart, prefix)
  const last = range.rangeEnd === undefined ? highest : parseWithin(range.rangeEnd, prefix)
  if (compareAddresses(first, last) > 0) {
    throw outOfRange(formatAddress(first), `the range that ends at ${formatAddress(last)}`)
  }
  const bound = {
    range,
    family: prefix.family,
    first: first.value > lowest.value ? first.value : lowest.value,
    last: last.value < highest.value ? last.value : highest.value,
  }
  if (bound.first > bound.last) throw tooSmall(range.prefix)
  return bound
}

function parseWithin(text: string, prefix: Prefix): Address {
  const address = parseAddress(text)
  if (!contains(prefix, address)) throw outOfRange(text, formatPrefix(prefix))
  return address
}

/** True for the prefixes whose outermost addresses are not hosts. */
function hasReserved(prefix: Prefix): boolean {
  return addressBits(prefix.family) - prefix.length > 1
}

function firstUsable(prefix: Prefix): Address {
  const first = firstAddress(prefix)
  return hasReserved(prefix) ? { ...first, value: first.value + 1n } : first
}

function lastUsable(prefix: Prefix): Address {
  const last = lastAddress(prefix)
  return prefix.family === 4 && hasReserved(prefix) ? { ...last, value: last.value - 1n } : last
}

/** Cuts gateway and exclusions out, in ascending order, so that even a huge exclusion costs nothing. */
function withoutExcluded(bound: Span): Span[] {
  const spans: Span[] = []
  let first = bound.first
  for (const hole of holesOf(bound.range).sort((a, b) => (a.first < b.first ? -1 : 1))) {
    if (hole.family !== bound.family) continue
    if (hole.first > first) {
      const end = hole.first - 1n
      spans.push({ ...bound, first, last: end < bound.last ? end : bound.last })
    }
    if (hole.last >= first) first = hole.last + 1n
    if (first > bound.last) break
  }
  if (first <= bound.last) spans.push({ ...bound, first })
  return spans.filter(span => span.first <= span.last)
}

function holesOf({ exclusions = [], gateway }: AddressRange): Exclusion[] {
  const holes = exclusions.map(text => {
    const hole = tryParseExclusion(text)
    if (hole === undefined) throw badExclusion(text)
    return hole
  })
  if (gateway === undefined) return holes
  const { family, value } = parseAddress(gateway)
  return [...holes, { family, first: value, last: value }]
}
