import { readIpv4, writeIpv4 } from './ipv4-text.ts'

const GROUPS = 8
const COLON = 0x3a
/** What stands above the last 32 bits of ::ffff:0:0/96, the IPv4-mapped addresses. */
const MAPPED_PREFIX = 0xffffn
const IPV4_MASK = 0xffff_ffffn

/**
 * The text forms of RFC 4291 section 2.2: groups, one `::` for at least one zero group, and dotted quad for the last
 * 32 bits. Zones (`%eth0`) are refused: an address that means something on one link only has no place in a plan.
 */
export function readIpv6(text: string): bigint | string {
  if (text.includes('%')) return 'zones are not accepted; give the address alone'
  const gap = text.indexOf('::')
  if (gap >= 0 && text.includes('::', gap + 2)) return '"::" may stand once only'
  const head = readGroups(gap < 0 ? text : text.slice(0, gap), gap < 0)
  if (typeof head === 'string') return head
  if (gap < 0) {
    return head.length === GROUPS ? join(head) : `an IPv6 address has 8 groups, this has ${head.length}`
  }
  const tail = readGroups(text.slice(gap + 2), true)
  if (typeof tail === 'string') return tail
  if (head.length + tail.length >= GROUPS) return 'too many groups: "::" stands for at least one'
  return (join(head) << BigInt(16 * (GROUPS - head.length))) | join(tail)
}

/** `last`: the text runs to the end of the address, where a dotted quad may stand. */
function readGroups(text: string, last: boolean): number[] | string {
  const groups: number[] = []
  if (text === '') return groups
  const parts = countParts(text)
  // Refused before any work is spent on it; 8 groups are the most there can be.
  if (parts > GROUPS) return `an IPv6 address has 8 groups, this has at least ${parts}`
  for (let part = 1, start = 0; part <= parts; part += 1) {
    const end = part === parts ? text.length : text.indexOf(':', start)
    if (last && part === parts && text.includes('.', start)) {
      const quad = readIpv4(text.slice(start))
      if (typeof quad === 'string') return quad
      groups.push(Number(quad >> 16n), Number(quad & 0xffffn))
    } else {
      const group = readGroup(text, start, end)
      if (group === undefined) {
        const shown = JSON.stringify(text.slice(start, Math.min(end, start + 20)))
        return `group ${shown} is not 1 to 4 hexadecimal digits`
      }
      groups.push(group)
    }
    start = end + 1
  }
  return groups
}

function countParts(text: string): number {
  let parts = 1
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) === COLON) parts += 1
  return parts
}

function readGroup(text: string, start: number, end: number): number | undefined {
  if (start === end || end > start + 4) return undefined
  let value = 0
  for (let i = start; i < end; i += 1) {
    const digit = hexDigit(text.charCodeAt(i))
    if (digit === undefined) return undefined
    value = value * 16 + digit
  }
  return value
}

/** The value of a hexadecimal digit, given as its UTF-16 code; undefined for any other. */
function hexDigit(code: number): number | undefined {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  // Bit 0x20 is what tells lower case from upper case.
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : undefined
}

function join(groups: readonly number[]): bigint {
  let value = 0n
  for (const group of groups) value = (value << 16n) | BigInt(group)
  return value
}

/**
 * RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups (the first of equals) as `::`,
 * IPv4-mapped addresses with a dotted quad (section 5).
 */
export function writeIpv6(value: bigint): string {
  if (value >> 32n === MAPPED_PREFIX) return `::ffff:${writeIpv4(value & IPV4_MASK)}`
  const groups: number[] = []
  for (let shift = 96n; shift >= 0n; shift -= 32n) {
    const pair = Number((value >> shift) & IPV4_MASK)
    groups.push(pair >>> 16, pair & 0xffff)
  }
  const run = longestZeroRun(groups)
  if (run.length < 2) return hex(groups, 0, GROUPS)
  return `${hex(groups, 0, run.start)}::${hex(groups, run.start + run.length, GROUPS)}`
}

function hex(groups: readonly number[], start: number, end: number): string {
  let text = ''
  for (let i = start; i < end; i += 1) text += `${i === start ? '' : ':'}${groups[i]?.toString(16)}`
  return text
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  for (let i = 0; i < groups.length; i += 1) {
    if (groups[i] !== 0) start = i + 1
    else if (i + 1 - start > best.length) best = { start, length: i + 1 - start }
  }
  return best
}
