/** The nftables part of the entries. */

export const NFT_FAMILIES = ['ip', 'ip6', 'inet', 'arp', 'netdev', 'bridge'] as const

export type NftFamily = (typeof NFT_FAMILIES)[number]

/**
 * One table of ours, whole: chains, rules and sets are replaced in one transaction whenever the definition
 * differs. What changes often lives in elements, which are entries of their own.
 */
export interface NftTableEntry {
  readonly kind: 'nft-table'
  readonly family: NftFamily
  readonly name: string
  readonly sets: readonly NftSet[]
  readonly chains: readonly NftChain[]
}

export interface NftSet {
  readonly name: string
  /** `map` has values; `interval` keys are prefixes or ranges. */
  readonly type: 'set' | 'map'
  readonly interval: boolean
  readonly key: readonly NftDatatype[]
  readonly value?: readonly NftDatatype[] | 'verdict'
}

export type NftDatatype =
  | 'ipv4_addr'
  | 'ipv6_addr'
  | 'ether_addr'
  | 'inet_proto'
  | 'inet_service'
  | 'mark'
  | 'ifname'

export interface NftChain {
  readonly name: string
  /** A base chain has one; `priority` is the number that netfilter sorts by (srcnat is 100). */
  readonly hook?: {
    readonly type: 'filter' | 'nat' | 'route'
    readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting' | 'ingress'
    readonly priority: number
    readonly policy: 'accept' | 'drop'
    /** Of the hook `ingress`: a link of somebody else, which is there already. */
    readonly device?: string
  }
  readonly rules: readonly NftRule[]
}

export interface NftRule {
  /** Names the owner; at most 128 bytes. Shown by `nft list ruleset` and by traces. */
  readonly comment: string
  readonly match: readonly NftMatch[]
  /** Packets and bytes that all of `match` held for are counted. */
  readonly counter?: boolean
  readonly verdict: NftVerdict
}

/**
 * What of a packet is looked up in a set or a map, in the order of the set's datatypes. What lies behind a header
 * presupposes it: ports and ICMP stand behind a match of `protocol`, ARP behind one of `ether-type`; addresses and
 * Ethernet are checked for.
 */
export type NftField =
  | 'in-link'
  | 'out-link'
  | 'ether-source'
  | 'arp-sender-mac'
  | 'arp-sender'
  | 'arp-target'
  /** IPv4 or IPv6, as the set's datatype says. */
  | 'source'
  | 'destination'
  | 'protocol'
  | 'source-port'
  | 'destination-port'
  /** Target address of neighbour solicitations and advertisements (RFC 4861). */
  | 'nd-target'

/** What is compared with a number in host order. */
export type NftNumber =
  | 'arp-sender'
  /** As on the wire: 0x8100 for a frame with a VLAN tag. */
  | 'ether-type'
  /** IPPROTO_*, behind IPv6 extension headers. */
  | 'protocol'
  | 'source-port'
  | 'destination-port'
  | 'icmp-type'
  | 'icmpv6-type'

/** A field or a concatenation of some. */
export type NftLookup = NftField | readonly NftField[]

/** One condition; all of a rule must hold. `not` inverts. */
export type NftMatch =
  | { readonly on: 'source' | 'destination'; readonly prefix: string; readonly not?: boolean }
  | { readonly on: NftLookup; readonly set: string; readonly not?: boolean }
  | { readonly on: NftNumber; readonly number: number; readonly not?: boolean }
  | { readonly on: 'mark'; readonly value: number; readonly mask: number; readonly not?: boolean }
  | { readonly on: 'in-link' | 'out-link'; readonly name: string; readonly not?: boolean }
  | { readonly on: 'ether-destination'; readonly mac: string; readonly mask: string; readonly not?: boolean }
  /** An IPv4 option: loose and strict source route, record route (RFC 791, section 3.1). */
  | { readonly on: 'ip-option'; readonly option: 'lsrr' | 'ssrr' | 'rr'; readonly not?: boolean }
  | { readonly on: 'connection'; readonly states: readonly NftConnectionState[]; readonly not?: boolean }
  /** The destination is an address of this machine, wherever. */
  | { readonly on: 'local-destination'; readonly not?: boolean }

export type NftConnectionState = 'new' | 'established' | 'related'

/** What an element of a verdict map can say. */
export type NftOutcome =
  | { readonly do: 'accept' | 'drop' | 'return' }
  | { readonly do: 'jump' | 'goto'; readonly chain: string }

export type NftVerdict =
  | NftOutcome
  | { readonly do: 'masquerade'; readonly fullyRandom?: boolean }
  /** The packet's mark gets the bits of `value` that are in `mask`; the next rule follows. */
  | { readonly do: 'mark'; readonly value: number; readonly mask: number }
  /** What the map has for the packet; the next rule if it has nothing. */
  | { readonly do: 'map'; readonly on: NftLookup; readonly map: string }
  /**
   * To the address and port that the map has for the packet, in tables of one family; the next rule if it has none.
   * What is translated gets the bits of `mark` that are in its mask.
   */
  | {
      readonly do: 'dnat'
      readonly on: NftLookup
      readonly map: string
      readonly mark?: { readonly value: number; readonly mask: number }
    }

export interface NftElementEntry {
  readonly kind: 'nft-element'
  readonly family: NftFamily
  readonly table: string
  readonly set: string
  /** One text per key datatype: `['10.244.0.0/16']`. */
  readonly key: readonly string[]
  readonly value?: readonly string[] | NftOutcome
}
