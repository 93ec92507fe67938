import type { nft } from '../netlink/index.ts'
import type { NftField, NftLookup, NftNumber, NftTableEntry } from './entry.ts'

/** What rules read of packets, in the words of `nft`. */

const numbers: Readonly<Record<NftNumber, nft.Field>> = {
  'arp-sender': 'arp saddr ip',
  'ether-type': 'ether type',
  protocol: 'l4proto',
  'source-port': 'th sport',
  'destination-port': 'th dport',
  'icmp-type': 'icmp type',
  'icmpv6-type': 'icmpv6 type',
}

const fields: Readonly<Record<Exclude<NftField, 'source' | 'destination'>, nft.Field>> = {
  'in-link': 'iifname',
  'out-link': 'oifname',
  'ether-source': 'ether saddr',
  'arp-sender-mac': 'arp saddr ether',
  'arp-sender': 'arp saddr ip',
  'arp-target': 'arp daddr ip',
  protocol: 'l4proto',
  'source-port': 'th sport',
  'destination-port': 'th dport',
  'nd-target': 'icmpv6 taddr',
}

export function numberField(on: NftNumber): nft.Field {
  return numbers[on]
}

/** The datatypes of the set, or of the map, say which addresses are meant. */
export function lookupFields(table: NftTableEntry, on: NftLookup, set: string): nft.Field[] {
  const key = table.sets.find(({ name }) => name === set)?.key ?? []
  const names = typeof on === 'string' ? [on] : on
  return names.map((field, i) => {
    if (field !== 'source' && field !== 'destination') return fields[field]
    const header = key[i] === 'ipv6_addr' ? 'ip6' : 'ip'
    return `${header} ${field === 'source' ? 'saddr' : 'daddr'}` as const
  })
}
