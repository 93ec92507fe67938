import { addressToBytes, parsePrefix } from '../../ip/index.ts'
import { ByteWriter } from '../byte-writer.ts'
import { invalidValue } from '../errors.ts'
import type { Verdict } from './data.ts'
import { type Expression, type KnownExpression, NFT_LOOKUP_F_INV } from './expressions.ts'
import type { Family } from './subsystem.ts'

/**
 * Pieces of rules as the expressions that `nft` makes of them (`nft --debug=netlink` shows its own). String them
 * together: `[...matchAddress('ip', 'source', '10.0.0.0/8'), ...masquerade()]`.
 */

/** NFT_REG_1; each match loads it anew. */
const REGISTER = 1
const VERDICT_REGISTER = 0
const NFPROTO_IPV4 = 2
const NFPROTO_IPV6 = 10
const IFNAMSIZ = 16

export type Side = 'source' | 'destination'

/** Where the addresses stand in the IPv4 and IPv6 header. */
const addressOffsets = {
  4: { source: 12, destination: 16, length: 4 },
  6: { source: 8, destination: 24, length: 16 },
} as const

const opOf = (not: boolean): 'eq' | 'neq' => (not ? 'neq' : 'eq')

/** `ip saddr 10.0.0.0/8`, `ip6 daddr != fd00::/8`. The prefix says which IP; tables of both check for it. */
export function matchAddress(table: Family, side: Side, prefix: string, not = false): Expression[] {
  const { family, network, length } = parsePrefix(prefix)
  const bytes = addressToBytes({ family, value: network })
  const whole = Math.ceil(length / 8)
  // A mask that ends between bytes needs a bitwise; else fewer bytes are compared.
  const compared = length % 8 === 0 ? Math.max(whole, 1) : bytes.length
  const expressions = loadAddress(table, side, family, compared)
  if (length % 8 !== 0 || length === 0) {
    const mask = prefixMask(compared, length)
    expressions.push(bitwiseAnd(mask))
  }
  expressions.push({ expr: 'cmp', source: REGISTER, op: opOf(not), value: bytes.slice(0, compared) })
  return expressions
}

/** `ip saddr @pods`: the family is that of the set's addresses. */
export function matchAddressSet(
  table: Family,
  side: Side,
  family: 4 | 6,
  set: string,
  not = false,
): Expression[] {
  const expressions = loadAddress(table, side, family, addressOffsets[family].length)
  expressions.push({ expr: 'lookup', set, source: REGISTER, ...(not ? { flags: NFT_LOOKUP_F_INV } : {}) })
  return expressions
}

function loadAddress(table: Family, side: Side, family: 4 | 6, length: number): Expression[] {
  const { [side]: offset } = addressOffsets[family]
  const load: Expression = { expr: 'payload', destination: REGISTER, base: 'network', offset, length }
  return [...ensureIp(table, family), load]
}

/** Tables that see several protocols must know which before they look into the header. */
function ensureIp(table: Family, family: 4 | 6): Expression[] {
  if (table === (family === 4 ? 'ip' : 'ip6')) return []
  if (table === 'inet') {
    const protocol = family === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6
    return [load('nfproto'), equals(Uint8Array.of(protocol))]
  }
  if (table === 'netdev' || table === 'bridge') {
    // ETH_P_IP, ETH_P_IPV6 in network order.
    return [load('protocol'), equals(family === 4 ? Uint8Array.of(8, 0) : Uint8Array.of(0x86, 0xdd))]
  }
  throw invalidValue('a match', `a table of family ${table} sees no IPv${family} packets`)
}

/** `mark and 0x4000 == 0x4000`; with all bits in the mask, `mark 0x4000`. */
export function matchMark(value: number, mask = 0xffff_ffff, not = false): Expression[] {
  const compare: Expression = { expr: 'cmp', source: REGISTER, op: opOf(not), value: host32(value) }
  return mask >>> 0 === 0xffff_ffff
    ? [load('mark'), compare]
    : [load('mark'), bitwiseAnd(host32(mask)), compare]
}

/** `mark set mark or 0x4000`: the bits of `mask` become those of `value`, the others stay. */
export function setMark(value: number, mask = 0xffff_ffff): Expression[] {
  return [
    load('mark'),
    bitwiseAnd(host32(~mask >>> 0), host32(value)),
    { expr: 'meta', key: 'mark', source: REGISTER },
  ]
}

/** `iifname eth0`, `oifname != "veth*"`: a star at the end stands for any ending. */
export function matchLink(direction: 'in' | 'out', name: string, not = false): Expression[] {
  const wildcard = name.endsWith('*')
  const bytes = Buffer.from(wildcard ? name.slice(0, -1) : name)
  if (bytes.length === 0 || bytes.length >= IFNAMSIZ) throw invalidValue('an interface name', `"${name}"`)
  const value = new Uint8Array(wildcard ? bytes.length : IFNAMSIZ)
  value.set(bytes)
  const compare: Expression = { expr: 'cmp', source: REGISTER, op: opOf(not), value }
  return [load(direction === 'in' ? 'iifname' : 'oifname'), compare]
}

/** `meta l4proto 6`: IPPROTO_*. */
export function matchProtocol(protocol: number, not = false): Expression[] {
  const value = new ByteWriter(1).u8(protocol).finish()
  return [load('l4proto'), { expr: 'cmp', source: REGISTER, op: opOf(not), value }]
}

/** `th dport 53`, behind a match of the protocol. */
export function matchPort(side: Side, port: number, not = false): Expression[] {
  const offset = side === 'source' ? 0 : 2
  const value = new ByteWriter(2).be16(port).finish()
  return [
    { expr: 'payload', destination: REGISTER, base: 'transport', offset, length: 2 },
    { expr: 'cmp', source: REGISTER, op: opOf(not), value },
  ]
}

/** `accept`, `jump x`. */
export function verdict(value: Verdict): Expression[] {
  return [{ expr: 'immediate', destination: VERDICT_REGISTER, data: { verdict: value } }]
}

/** `masquerade`; `flags` are NF_NAT_RANGE_*. */
export function masquerade(flags = 0): Expression[] {
  return [flags === 0 ? { expr: 'masq' } : { expr: 'masq', flags }]
}

/** `counter`. */
export function counter(): Expression[] {
  return [{ expr: 'counter' }]
}

function load(key: 'mark' | 'iifname' | 'oifname' | 'l4proto' | 'nfproto' | 'protocol'): KnownExpression {
  return { expr: 'meta', key, destination: REGISTER }
}

function equals(value: Uint8Array): KnownExpression {
  return { expr: 'cmp', source: REGISTER, op: 'eq', value }
}

function bitwiseAnd(mask: Uint8Array, xor: Uint8Array = new Uint8Array(mask.length)): KnownExpression {
  return { expr: 'bitwise', source: REGISTER, destination: REGISTER, length: mask.length, mask, xor }
}

function host32(value: number): Uint8Array {
  return new ByteWriter(4).u32(value).finish()
}

function prefixMask(bytes: number, length: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => {
    const bits = Math.min(8, Math.max(0, length - i * 8))
    return (0xff << (8 - bits)) & 0xff
  })
}
