import type { Entry, EntryKind } from '../entry.ts'
import { addressRules } from './address.ts'
import { fdbRules } from './fdb.ts'
import { iptablesChainRules } from './iptables-chain.ts'
import { linkRules } from './link.ts'
import { neighbourRules } from './neighbour.ts'
import { nftElementRules } from './nft-element.ts'
import { nftTableRules } from './nft-table.ts'
import { offloadRules } from './offload.ts'
import { qdiscRules } from './qdisc.ts'
import { redirectRules } from './redirect.ts'
import { routeRules } from './route.ts'
import { ruleRules } from './rule.ts'
import type { KindRules } from './rules.ts'
import { sysctlRules } from './sysctl.ts'
import { wireguardPeerRules, wireguardRules } from './wireguard.ts'

/** The strategy of every kind. Adding a kind: its type in `entry.ts`, a file here, a codec in `netlink/codecs/`. */
const table: Readonly<Record<EntryKind, KindRules>> = {
  link: linkRules,
  sysctl: sysctlRules,
  offload: offloadRules,
  address: addressRules,
  neighbour: neighbourRules,
  fdb: fdbRules,
  wireguard: wireguardRules,
  'wireguard-peer': wireguardPeerRules,
  qdisc: qdiscRules,
  redirect: redirectRules,
  route: routeRules,
  rule: ruleRules,
  'nft-table': nftTableRules,
  'nft-element': nftElementRules,
  'iptables-chain': iptablesChainRules,
}

export function rulesOf(entry: Entry): KindRules {
  return table[entry.kind]
}
