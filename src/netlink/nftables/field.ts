import { align4, ByteWriter } from '../byte-writer.ts'
import { invalidValue } from '../errors.ts'
import type { Expression, KnownExpression } from './expressions.ts'
import type { Family } from './subsystem.ts'

/**
 * What a rule can read of a packet, and where it stands: offsets and lengths in bytes (linux/if_ether.h, RFC 826,
 * RFC 791, RFC 8200, RFC 4861). What lies behind a header presupposes it: a rule that reads ports or ICMP has matched
 * the protocol before, one that reads ARP the ether type.
 */
export type Field =
  | 'iifname'
  | 'oifname'
  | 'mark'
  | 'l4proto'
  | 'ether saddr'
  | 'ether daddr'
  /** As on the wire: 0x8100 for a frame with a VLAN tag. */
  | 'ether type'
  | 'arp operation'
  | 'arp saddr ether'
  | 'arp saddr ip'
  | 'arp daddr ip'
  | 'ip saddr'
  | 'ip daddr'
  | 'ip6 saddr'
  | 'ip6 daddr'
  | 'th sport'
  | 'th dport'
  | 'icmp type'
  | 'icmpv6 type'
  /** Target address of neighbour solicitations and advertisements. */
  | 'icmpv6 taddr'

type MetaKey = 'mark' | 'iifname' | 'oifname' | 'l4proto' | 'nfproto' | 'protocol' | 'iiftype'

type Place =
  | { readonly meta: MetaKey }
  | { readonly base: 'link' | 'network' | 'transport'; readonly offset: number }

interface FieldTraits {
  readonly length: number
  readonly place: Place
  /** The header it is part of, for tables that see packets without it. */
  readonly within?: 'ether' | 4 | 6
}

const fields: Readonly<Record<Field, FieldTraits>> = {
  iifname: { length: 16, place: { meta: 'iifname' } },
  oifname: { length: 16, place: { meta: 'oifname' } },
  mark: { length: 4, place: { meta: 'mark' } },
  l4proto: { length: 1, place: { meta: 'l4proto' } },
  'ether daddr': { length: 6, place: { base: 'link', offset: 0 }, within: 'ether' },
  'ether saddr': { length: 6, place: { base: 'link', offset: 6 }, within: 'ether' },
  'ether type': { length: 2, place: { base: 'link', offset: 12 }, within: 'ether' },
  'arp operation': { length: 2, place: { base: 'network', offset: 6 } },
  'arp saddr ether': { length: 6, place: { base: 'network', offset: 8 } },
  'arp saddr ip': { length: 4, place: { base: 'network', offset: 14 } },
  'arp daddr ip': { length: 4, place: { base: 'network', offset: 24 } },
  'ip saddr': { length: 4, place: { base: 'network', offset: 12 }, within: 4 },
  'ip daddr': { length: 4, place: { base: 'network', offset: 16 }, within: 4 },
  'ip6 saddr': { length: 16, place: { base: 'network', offset: 8 }, within: 6 },
  'ip6 daddr': { length: 16, place: { base: 'network', offset: 24 }, within: 6 },
  'th sport': { length: 2, place: { base: 'transport', offset: 0 } },
  'th dport': { length: 2, place: { base: 'transport', offset: 2 } },
  'icmp type': { length: 1, place: { base: 'transport', offset: 0 } },
  'icmpv6 type': { length: 1, place: { base: 'transport', offset: 0 } },
  'icmpv6 taddr': { length: 16, place: { base: 'transport', offset: 8 } },
}

/** NFT_REG_1; each match loads its registers anew. */
export const REGISTER = 1
const NFPROTO_IPV4 = 2
const NFPROTO_IPV6 = 10
const ARPHRD_ETHER = 1
const QUARTERS = 4
const NFT_REG32_00 = 8

/** The number of the register `offset` bytes behind the start of NFT_REG_1. */
export function registerAt(offset: number): number {
  const quarter = offset / QUARTERS
  return quarter % QUARTERS === 0 ? REGISTER + quarter / QUARTERS : NFT_REG32_00 + quarter
}

/** Bytes. */
export function fieldLength(field: Field): number {
  return fields[field].length
}

/** Loads the fields one behind the other, as keys of concatenations stand; first what makes sure that they are there. */
export function loadFields(table: Family, names: readonly Field[]): Expression[] {
  const loads: Expression[] = []
  const checks = new Map<FieldTraits['within'], readonly Expression[]>()
  let offset = 0
  for (const name of names) {
    const { length, place, within } = fields[name]
    const destination = registerAt(offset)
    if (within !== undefined) checks.set(within, ensure(table, within))
    loads.push(
      'meta' in place
        ? { expr: 'meta', key: place.meta, destination }
        : { expr: 'payload', destination, ...place, length },
    )
    offset += align4(length)
  }
  return [...[...checks.values()].flat(), ...loads]
}

/** Tables that see several protocols must know which before they look into the header. */
export function ensure(table: Family, header: 'ether' | 4 | 6): Expression[] {
  if (header === 'ether') return ensureEther(table)
  if (table === (header === 4 ? 'ip' : 'ip6')) return []
  if (table === 'inet') {
    return [loadMeta('nfproto'), equals(Uint8Array.of(header === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6))]
  }
  if (table === 'netdev' || table === 'bridge') {
    // ETH_P_IP, ETH_P_IPV6 in network order.
    return [loadMeta('protocol'), equals(header === 4 ? Uint8Array.of(8, 0) : Uint8Array.of(0x86, 0xdd))]
  }
  throw invalidValue('a match', `a table of family ${table} sees no IPv${header} packets`)
}

/** Bridges have ports with Ethernet headers only. */
function ensureEther(table: Family): Expression[] {
  if (table === 'bridge') return []
  return [loadMeta('iiftype'), equals(new ByteWriter(2).u16(ARPHRD_ETHER).finish())]
}

export function loadMeta(key: MetaKey): KnownExpression {
  return { expr: 'meta', key, destination: REGISTER }
}

export function equals(value: Uint8Array): KnownExpression {
  return { expr: 'cmp', source: REGISTER, op: 'eq', value }
}

export function bitwiseAnd(mask: Uint8Array): KnownExpression {
  const xor = new Uint8Array(mask.length)
  return { expr: 'bitwise', source: REGISTER, destination: REGISTER, length: mask.length, mask, xor }
}
