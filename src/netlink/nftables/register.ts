import {
  addressFromBytes,
  addressToBytes,
  firstAddress,
  formatPrefix,
  lastAddress,
  prefixOf,
  tryParsePrefix,
} from '../../ip/index.ts'
import { ByteReader } from '../byte-reader.ts'
import { align4 } from '../byte-writer.ts'
import { invalidValue, malformed } from '../errors.ts'
import { type Datatype, knownTraits, traitsOf } from './datatypes.ts'

/** Keys and values as registers hold them: text for people, bytes for the kernel. */

/** Both ends belong to it; a single value has two equal ends. */
export interface Range {
  readonly from: Uint8Array
  readonly to: Uint8Array
}

/**
 * Bytes of a key or value of these types (NFTA_SET_KEY_LEN). One part has its own length; in a concatenation each
 * part fills up to a multiple of four.
 */
export function registerLength(types: readonly Datatype[]): number {
  const lengths = types.map(type => traitsOf(type).length)
  return lengths.length === 1 ? (lengths[0] ?? 0) : lengths.reduce((sum, length) => sum + align4(length), 0)
}

/**
 * A key from one text per type: a value (`10.0.0.1`, `tcp`, `80`, `0x4000`), a prefix, or a range `80-90`.
 * @throws PodlaceError for text that is no such value
 */
export function encodeRange(types: readonly Datatype[], texts: readonly string[]): Range {
  if (types.length !== texts.length) {
    throw invalidValue('a set key', `${texts.length} parts for ${types.length} types: ${texts.join(' . ')}`)
  }
  const parts = types.map((type, i) => partRange(type, texts[i] ?? ''))
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return only
  const from = joinParts(parts, 'from')
  return { from, to: parts.some(isRange) ? joinParts(parts, 'to') : from }
}

/** A value, which cannot be a range. @throws PodlaceError */
export function encodeRegister(types: readonly Datatype[], texts: readonly string[]): Uint8Array {
  const range = encodeRange(types, texts)
  if (isRange(range)) throw invalidValue('a value', `${texts.join(' . ')} is a range`)
  return range.from
}

/** Of what is no range both ends are nearly always one array. */
export function isRange({ from, to }: Range): boolean {
  return from !== to && Buffer.compare(from, to) !== 0
}

function partRange(type: Datatype, value: string): Range {
  const traits = traitsOf(type)
  if (type === 'ipv4_addr' || type === 'ipv6_addr') {
    const prefix = tryParsePrefix(value)
    if (prefix !== undefined) {
      const range = { from: addressToBytes(firstAddress(prefix)), to: addressToBytes(lastAddress(prefix)) }
      if (range.from.length === traits.length) return range
    }
  }
  // Interface names may contain a dash.
  const dash = type === 'ifname' ? -1 : value.indexOf('-', 1)
  if (dash < 0 || value === 'ipv6-icmp') {
    const single = traits.parse(value)
    return { from: single, to: single }
  }
  const range = { from: traits.parse(value.slice(0, dash)), to: traits.parse(value.slice(dash + 1)) }
  if (Buffer.compare(range.from, range.to) > 0)
    throw invalidValue('a range', `${value} ends before it starts`)
  return range
}

function joinParts(parts: readonly Range[], end: keyof Range): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + align4(part[end].length), 0))
  let at = 0
  for (const part of parts) {
    joined.set(part[end], at)
    at += align4(part[end].length)
  }
  return joined
}

/** The texts of a key; the inverse of `encodeRange`. @throws NetlinkError `netlink.malformed` */
export function decodeRange(types: readonly Datatype[], range: Range): string[] {
  const from = ByteReader.over(range.from)
  const to = ByteReader.over(range.to)
  return types.map(type => {
    const length = knownTraits(type)?.length
    if (length === undefined) throw malformed('a set key', `datatype ${type}`)
    const part = { from: from.bytes(length), to: to.bytes(length) }
    const padding = types.length === 1 ? 0 : align4(length) - length
    from.skip(padding)
    to.skip(padding)
    return partText(type, part)
  })
}

/** The texts of a value. @throws NetlinkError `netlink.malformed` */
export function decodeRegister(types: readonly Datatype[], bytes: Uint8Array): string[] {
  return decodeRange(types, { from: bytes, to: bytes })
}

function partText(type: Datatype, range: Range): string {
  const traits = traitsOf(type)
  const { from, to } = range
  if (!isRange(range)) return traits.format(from)
  const prefix = type === 'ipv4_addr' || type === 'ipv6_addr' ? prefixBetween(from, to) : undefined
  return prefix ?? `${traits.format(from)}-${traits.format(to)}`
}

/** The prefix that goes from the one to the other, if there is one. */
function prefixBetween(from: Uint8Array, to: Uint8Array): string | undefined {
  const first = addressFromBytes(from)
  const last = addressFromBytes(to)
  const differing = (first.value ^ last.value).toString(2).length
  const prefix = prefixOf(first, from.length * 8 - differing)
  const whole = firstAddress(prefix).value === first.value && lastAddress(prefix).value === last.value
  return whole ? formatPrefix(prefix) : undefined
}
