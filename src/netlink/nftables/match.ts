import { addressToBytes, macToBytes, parsePrefix } from '../../ip/index.ts'
import { ByteWriter } from '../byte-writer.ts'
import { invalidValue } from '../errors.ts'
import type { Verdict } from './data.ts'
import { type Expression, NFT_EXTHDR_F_PRESENT, NFT_LOOKUP_F_INV, NFTA_FIB_F_DADDR } from './expressions.ts'
import {
  bitwiseAnd,
  ensure,
  type Field,
  fieldLength,
  loadFields,
  loadMeta,
  REGISTER,
  registerAt,
} from './field.ts'
import type { Family } from './subsystem.ts'

/**
 * Pieces of rules as the expressions that `nft` makes of them (`nft --debug=netlink` shows its own). String them
 * together: `[...matchAddress('ip', 'source', '10.0.0.0/8'), ...masquerade()]`.
 */

const VERDICT_REGISTER = 0
/** NFT_REG_4: not one that keys and values of maps reach. */
const SPARE_REGISTER = 4
const IFNAMSIZ = 16

export type Side = 'source' | 'destination'

/** Where the addresses stand in the IPv4 and IPv6 header. */
const addressOffsets = {
  4: { source: 12, destination: 16 },
  6: { source: 8, destination: 24 },
} as const

const opOf = (not: boolean): 'eq' | 'neq' => (not ? 'neq' : 'eq')

/** `ip saddr 10.0.0.0/8`, `ip6 daddr != fd00::/8`. The prefix says which IP; tables of both check for it. */
export function matchAddress(table: Family, side: Side, prefix: string, not = false): Expression[] {
  const { family, network, length } = parsePrefix(prefix)
  const bytes = addressToBytes({ family, value: network })
  const whole = Math.ceil(length / 8)
  // A mask that ends between bytes needs a bitwise; else fewer bytes are compared.
  const compared = length % 8 === 0 ? Math.max(whole, 1) : bytes.length
  const { [side]: offset } = addressOffsets[family]
  const expressions: Expression[] = [
    ...ensure(table, family),
    { expr: 'payload', destination: REGISTER, base: 'network', offset, length: compared },
  ]
  if (length % 8 !== 0 || length === 0) {
    const mask = prefixMask(compared, length)
    expressions.push(bitwiseAnd(mask))
  }
  expressions.push({ expr: 'cmp', source: REGISTER, op: opOf(not), value: bytes.slice(0, compared) })
  return expressions
}

/** `ip saddr @pods`, `iifname . ether saddr != @macs`. */
export function matchSet(table: Family, fields: readonly Field[], set: string, not = false): Expression[] {
  const flags = not ? { flags: NFT_LOOKUP_F_INV } : {}
  return [...loadFields(table, fields), { expr: 'lookup', set, source: REGISTER, ...flags }]
}

/** `th dport 53`, `meta l4proto 6`, `ether type 0x806`: a number in network order. */
export function matchNumber(table: Family, field: Field, value: number, not = false): Expression[] {
  const compare: Expression = {
    expr: 'cmp',
    source: REGISTER,
    op: opOf(not),
    value: numberBytes(field, value),
  }
  return [...loadFields(table, [field]), compare]
}

function numberBytes(field: Field, value: number): Uint8Array {
  const writer = new ByteWriter(4)
  switch (fieldLength(field)) {
    case 1:
      return writer.u8(value).finish()
    case 2:
      return writer.be16(value).finish()
    case 4:
      return writer.be32(value).finish()
    default:
      throw invalidValue('a match', `${field} is no number`)
  }
}

/** `ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00`. */
export function matchDestinationMac(table: Family, mac: string, mask: string, not = false): Expression[] {
  return [
    ...loadFields(table, ['ether daddr']),
    bitwiseAnd(macToBytes(mask)),
    { expr: 'cmp', source: REGISTER, op: opOf(not), value: macToBytes(mac) },
  ]
}

/** `mark and 0x4000 == 0x4000`; with all bits in the mask, `mark 0x4000`. */
export function matchMark(value: number, mask = 0xffff_ffff, not = false): Expression[] {
  const compare: Expression = { expr: 'cmp', source: REGISTER, op: opOf(not), value: host32(value) }
  return mask >>> 0 === 0xffff_ffff
    ? [loadMeta('mark'), compare]
    : [loadMeta('mark'), bitwiseAnd(host32(mask)), compare]
}

/** `mark set mark or 0x4000`: the bits of `mask` become those of `value`, the others stay. */
export function setMark(value: number, mask = 0xffff_ffff, register = REGISTER): Expression[] {
  const both = { source: register, destination: register }
  return [
    { expr: 'meta', key: 'mark', destination: register },
    { expr: 'bitwise', ...both, length: 4, mask: host32(~mask >>> 0), xor: host32(value) },
    { expr: 'meta', key: 'mark', source: register },
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
  return [loadMeta(direction === 'in' ? 'iifname' : 'oifname'), compare]
}

/** IPOPT_* (linux/ip.h): source routes and the recording of routes, RFC 791, section 3.1. */
const ipOptions = { rr: 7, lsrr: 131, ssrr: 137 } as const
export type IpOption = keyof typeof ipOptions

/** `ip option lsrr exists`. */
export function matchIpOption(option: IpOption, not = false): Expression[] {
  return [
    {
      expr: 'exthdr',
      destination: REGISTER,
      type: ipOptions[option],
      offset: 0,
      length: 1,
      flags: NFT_EXTHDR_F_PRESENT,
      op: 'ipv4',
    },
    { expr: 'cmp', source: REGISTER, op: opOf(not), value: Uint8Array.of(1) },
  ]
}

/** NF_CT_STATE_BIT (linux/netfilter/nf_conntrack_common.h). */
const connectionStates = { established: 2, related: 4, new: 8 } as const
export type ConnectionState = keyof typeof connectionStates

/** `ct state established,related`. */
export function matchConnectionState(states: readonly ConnectionState[], not = false): Expression[] {
  const bits = states.reduce((sum, state) => sum | connectionStates[state], 0)
  return [
    { expr: 'ct', key: 'state', destination: REGISTER },
    bitwiseAnd(host32(bits)),
    { expr: 'cmp', source: REGISTER, op: opOf(!not), value: host32(0) },
  ]
}

const RTN_LOCAL = 2

/** `fib daddr type local`: the destination is an address of this machine. */
export function matchLocalDestination(not = false): Expression[] {
  return [
    { expr: 'fib', destination: REGISTER, result: 'addrtype', flags: NFTA_FIB_F_DADDR },
    { expr: 'cmp', source: REGISTER, op: opOf(not), value: host32(RTN_LOCAL) },
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

/** `iifname vmap @ports`: the verdict is the map's, or none if it has no such key. */
export function mappedVerdict(table: Family, fields: readonly Field[], map: string): Expression[] {
  const lookup: Expression = {
    expr: 'lookup',
    set: map,
    source: REGISTER,
    destination: VERDICT_REGISTER,
  }
  return [...loadFields(table, fields), lookup]
}

/** NFPROTO_* and the bytes of an address. */
const natFamilies = { ip: { number: 2, length: 4 }, ip6: { number: 10, length: 16 } } as const

/**
 * `dnat ip addr . port to meta l4proto . th dport map @ports`, in a table of one family: the map's values are addresses
 * with ports. What has no key in the map goes on to the next rule, and what has one is marked first.
 */
export function mappedDnat(
  table: Family,
  fields: readonly Field[],
  map: string,
  mark?: { readonly value: number; readonly mask: number },
): Expression[] {
  if (table !== 'ip' && table !== 'ip6') {
    throw invalidValue('a translation', `in a table of family ${table} the addresses have no one length`)
  }
  const { number, length } = natFamilies[table]
  return [
    ...loadFields(table, fields),
    { expr: 'lookup', set: map, source: REGISTER, destination: REGISTER },
    ...(mark === undefined ? [] : setMark(mark.value, mark.mask, SPARE_REGISTER)),
    {
      expr: 'nat',
      type: 'dnat',
      family: number,
      addressMin: REGISTER,
      portMin: registerAt(length),
    },
  ]
}

/** `counter`. */
export function counter(): Expression[] {
  return [{ expr: 'counter' }]
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
