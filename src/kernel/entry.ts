import type { IptablesChainEntry } from './iptables-entry.ts'
import type { LinkEntry } from './link-entry.ts'
import type { NftElementEntry, NftTableEntry } from './nft-entry.ts'
import type { WireguardEntry, WireguardPeerEntry } from './wireguard-entry.ts'

export * from './iptables-entry.ts'
export type * from './link-entry.ts'
export * from './nft-entry.ts'
export type * from './wireguard-entry.ts'

/**
 * Entries: what one kernel namespace must hold, as plain data. Every entry has a `kind` and a natural key
 * (`entryKey`); two entries with one key are two opinions about one kernel object.
 *
 * Addresses, prefixes and MACs are canonical text, as the `ip` room formats them (`10.244.1.0/24`,
 * `02:42:0a:f4:01:02`); optional fields that are absent are left as the kernel has them.
 */
export type Entry =
  | LinkEntry
  | AddressEntry
  | RouteEntry
  | RuleEntry
  | NeighbourEntry
  | FdbEntry
  | WireguardEntry
  | WireguardPeerEntry
  | QdiscEntry
  | RedirectEntry
  | SysctlEntry
  | OffloadEntry
  | NftTableEntry
  | NftElementEntry
  | IptablesChainEntry

export type EntryKind = Entry['kind']

export interface AddressEntry {
  readonly kind: 'address'
  readonly link: string
  /** Host address with prefix length: `10.244.1.1/24`. */
  readonly address: string
  readonly scope?: 'global' | 'link' | 'host'
  /** Do not create the connected route (IFA_F_NOPREFIXROUTE). */
  readonly noPrefixRoute?: boolean
}

/** Marked by route protocol 113. */
export interface RouteEntry {
  readonly kind: 'route'
  /** Network prefix; `0.0.0.0/0` and `::/0` are the default routes. */
  readonly dst: string
  /** Routing table id; 254 is main. */
  readonly table: number
  /** RTA_PRIORITY. IPv6 has no metric 0: use 1024 where nothing else is wanted. */
  readonly metric: number
  /** Absent only for the types without a device. */
  readonly link?: string
  readonly gateway?: string
  /** The gateway is taken to be on the link though no address covers it (RTNH_F_ONLINK). */
  readonly onlink?: boolean
  readonly source?: string
  readonly scope?: 'universe' | 'site' | 'link' | 'host'
  readonly type?: 'unicast' | 'blackhole' | 'unreachable' | 'prohibit'
  /** RTAX_MTU, bytes. */
  readonly mtu?: number
  /** RTAX_ADVMSS, bytes: the segment size that TCP asks others for. */
  readonly advmss?: number
}

/** A policy routing rule, marked by protocol 113 (FRA_PROTOCOL). Key: family, priority, selectors. */
export interface RuleEntry {
  readonly kind: 'rule'
  readonly family: 4 | 6
  readonly priority: number
  readonly src?: string
  readonly dst?: string
  readonly iif?: string
  readonly oif?: string
  readonly fwmark?: { readonly value: number; readonly mask: number }
  readonly table: number
}

/** A permanent neighbour, marked by protocol 113 (NDA_PROTOCOL). */
export interface NeighbourEntry {
  readonly kind: 'neighbour'
  readonly link: string
  readonly address: string
  readonly mac: string
}

/** A permanent forwarding entry of a vxlan link (NTF_SELF); it counts as ours because the link is. */
export interface FdbEntry {
  readonly kind: 'fdb'
  readonly link: string
  readonly mac: string
  /** Underlay address of the remote VTEP. */
  readonly dst: string
}

/**
 * The queueing discipline that packets leave a link by, in place of the one that a link has by itself. Ours has the
 * handle `71:`.
 */
export interface QdiscEntry {
  readonly kind: 'qdisc'
  readonly link: string
  readonly qdisc: TokenBucketQdisc | SelectiveQdisc | OtherQdisc
}

/** Lets packets go at a rate (`tbf`). */
export interface TokenBucketQdisc extends RateLimit {
  readonly type: 'tbf'
}

/** Lets packets go at a rate by whom they are from, or for, and others at once (`htb`, of one class). */
export interface SelectiveQdisc extends RateLimit {
  readonly type: 'htb'
  /** The address of a packet that is looked at. */
  readonly by: 'source' | 'destination'
  /** Whether those are held back whose address is in one of the prefixes, or all others. */
  readonly shaped: 'listed' | 'others'
  /** Canonical, of either family, in the order of `sort`. */
  readonly prefixes: readonly string[]
}

export interface RateLimit {
  /** Bits per second; the kernel counts whole bytes. */
  readonly rateBps: number
  /** Bytes that may go at once: at most as many as take 274 seconds. */
  readonly burstBytes: number
  /** Bytes that may wait; what comes when they do is dropped. */
  readonly limitBytes: number
}

/** Only observed: another program's. */
export interface OtherQdisc {
  readonly type: 'other'
  /** As `tc` names it. */
  readonly name: string
}

/**
 * All that comes in by a link leaves by another instead: a filter of priority 113, for which the link gets an ingress
 * qdisc if it has none. That one stays, since others may use it.
 */
export interface RedirectEntry {
  readonly kind: 'redirect'
  readonly link: string
  readonly to: string
}

/** `path` is below /proc/sys/net: `ipv4/ip_forward`. Links in it by name. */
export interface SysctlEntry {
  readonly kind: 'sysctl'
  readonly path: string
  readonly value: string
}

/** What a link leaves to the device behind it; `ethtool -K`. A link does by itself what its kind can. */
export interface OffloadEntry {
  readonly kind: 'offload'
  readonly link: string
  /** Of what it sends: TCP's and UDP's (tx-checksumming). Without it, nor does it leave segments of TCP to be cut. */
  readonly txChecksum: boolean
}

/** What is set, and never made or deleted; it cannot be listed. */
export type SettingEntry = SysctlEntry | OffloadEntry

/** What identifies an entry's kernel object; also how messages name it. Unique across kinds. */
export function entryKey(entry: Entry): string {
  switch (entry.kind) {
    case 'link':
      return `link ${entry.name}`
    case 'address':
      return `address ${entry.address} dev ${entry.link}`
    case 'route':
      return `route ${entry.dst} table ${entry.table} metric ${entry.metric}`
    case 'rule':
      return `rule ${entry.priority} v${entry.family} ${ruleSelector(entry)}`
    case 'neighbour':
      return `neighbour ${entry.address} dev ${entry.link}`
    case 'fdb':
      return `fdb ${entry.mac} dev ${entry.link} dst ${entry.dst}`
    case 'wireguard':
      return `wireguard dev ${entry.link}`
    case 'wireguard-peer':
      return `wireguard-peer ${entry.publicKey} dev ${entry.link}`
    case 'qdisc':
      return `qdisc dev ${entry.link}`
    case 'redirect':
      return `redirect dev ${entry.link}`
    case 'sysctl':
      return `sysctl ${entry.path}`
    case 'offload':
      return `offload dev ${entry.link}`
    case 'nft-table':
      return `nft-table ${entry.family} ${entry.name}`
    case 'nft-element':
      return `nft-element ${entry.family} ${entry.table} ${entry.set} ${entry.key.join(' . ')}`
    case 'iptables-chain':
      return `iptables-chain v${entry.family} ${entry.table} ${entry.name}`
  }
}

function ruleSelector(rule: RuleEntry): string {
  const parts = [`from ${rule.src ?? 'all'}`]
  if (rule.dst !== undefined) parts.push(`to ${rule.dst}`)
  if (rule.iif !== undefined) parts.push(`iif ${rule.iif}`)
  if (rule.oif !== undefined) parts.push(`oif ${rule.oif}`)
  if (rule.fwmark !== undefined) parts.push(`fwmark ${rule.fwmark.value}/${rule.fwmark.mask}`)
  return parts.join(' ')
}
