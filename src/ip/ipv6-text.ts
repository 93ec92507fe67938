import { readIpv4, writeIpv4 } from './ipv4-text.ts'

const GROUPS = 8
const HEX_GROUP = /^[0-9a-f]{1,4}$/i
/** ::ffff:0:0/96, the IPv4-mapped addresses. */
const MAPPED_PREFIX = 0xffffn << 32n
const IPV4_MASK = 0xffff_ffffn

/**
 * The text forms of RFC 4291 section 2.2: groups, one `::` for at least one zero group, and dotted quad for the last
 * 32 bits. Zones (`%eth0`) are refused: an address that means something on one link only has no place in a plan.
 */
export function readIpv6(text: string): bigint | string {
  if (text.includes('%')) return 'zones are not accepted; give the address alone'
  const halves = text.split('::')
  if (halves.length > 2) return '"::" may stand once only'
  const head = readGroups(halves[0] ?? '', halves.length === 1)
  if (typeof head === 'string') return head
  if (halves.length === 1) {
    return head.length === GROUPS ? join(head) : `an IPv6 address has 8 groups, this has ${head.length}`
  }
  const tail = readGroups(halves[1] ?? '', true)
  if (typeof tail === 'string') return tail
  const missing = GROUPS - head.length - tail.length
  if (missing < 1) return 'too many groups: "::" stands for at least one'
  return join([...head, ...Array.from({ length: missing }, () => 0), ...tail])
}

/** `last`: the text runs to the end of the address, where a dotted quad may stand. */
function readGroups(text: string, last: boolean): number[] | string {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  // Refused before any work is spent on it; 8 groups are the most there can be.
  if (parts.length > GROUPS) return `an IPv6 address has 8 groups, this has at least ${parts.length}`
  for (const [position, part] of parts.entries()) {
    if (last && position === parts.length - 1 && part.includes('.')) {
      const quad = readIpv4(part)
      if (typeof quad === 'string') return quad
      groups.push(Number(quad >> 16n), Number(quad & 0xffffn))
    } else if (HEX_GROUP.test(part)) groups.push(Number.parseInt(part, 16))
    else return `group ${JSON.stringify(part.slice(0, 20))} is not 1 to 4 hexadecimal digits`
  }
  return groups
}

function join(groups: readonly number[]): bigint {
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n)
}

/**
 * RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups (the first of equals) as `::`,
 * IPv4-mapped addresses with a dotted quad (section 5).
 */
export function writeIpv6(value: bigint): string {
  if ((value >> 32n) << 32n === MAPPED_PREFIX) return `::ffff:${writeIpv4(value & IPV4_MASK)}`
  const groups: number[] = []
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((value >> shift) & 0xffffn))
  const run = longestZeroRun(groups)
  if (run.length < 2) return hex(groups)
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`
}

function hex(groups: readonly number[]): string {
  return groups.map(group => group.toString(16)).join(':')
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  for (const [position, group] of groups.entries()) {
    if (group !== 0) start = position + 1
    else if (position + 1 - start > best.length) best = { start, length: position + 1 - start }
  }
  return best
}
