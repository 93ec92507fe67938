import { familyOf } from '../ip/index.ts'
import type { Entry, QdiscEntry, RouteEntry, RuleEntry } from './entry.ts'
import { formatIptablesChain } from './format-iptables.ts'
import { formatLink } from './format-link.ts'
import { formatNftElement, formatNftTable } from './format-nft.ts'
import { formatWireguard, formatWireguardPeer } from './format-wireguard.ts'
import { hex, quote, words } from './format-words.ts'

/** The number that marks routes, rules, neighbours, qdiscs and filters as ours. */
const PROTOCOL = 113

/**
 * An entry as the `ip`, `bridge`, `tc`, `sysctl`, `ethtool`, `wg`, `nft` or `iptables` command that would make it, for people and for tests. It is
 * never run. Only a table and a chain take more than one line.
 */
export function formatEntry(entry: Entry): string {
  switch (entry.kind) {
    case 'link':
      return formatLink(entry)
    case 'address': {
      const { address, link, scope, noPrefixRoute } = entry
      const flags = words(scope && `scope ${scope}`, noPrefixRoute && 'noprefixroute')
      return words(`${ip(address)} address replace ${address} dev`, quote(link), flags)
    }
    case 'route':
      return formatRoute(entry)
    case 'rule':
      return formatRule(entry)
    case 'neighbour': {
      const { address, mac, link } = entry
      return `${ip(address)} neighbour replace ${address} lladdr ${mac} dev ${quote(link)} nud permanent proto ${PROTOCOL}`
    }
    case 'fdb':
      return `bridge fdb append ${entry.mac} dev ${quote(entry.link)} dst ${entry.dst} self permanent`
    case 'wireguard':
      return formatWireguard(entry)
    case 'wireguard-peer':
      return formatWireguardPeer(entry)
    case 'qdisc':
      return words('tc qdisc replace dev', quote(entry.link), 'root', formatQdisc(entry))
    case 'redirect': {
      const on = `dev ${quote(entry.link)} ingress`
      const filter = `pref ${PROTOCOL} protocol all u32 match u32 0 0`
      const action = `action mirred egress redirect dev ${quote(entry.to)}`
      return `tc qdisc replace ${on} && tc filter add ${on} ${filter} ${action}`
    }
    case 'sysctl':
      // Slashes, since the name of a link may hold dots.
      return `sysctl -w ${quote(`net/${entry.path}=${entry.value}`)}`
    case 'offload':
      return `ethtool -K ${quote(entry.link)} tx ${entry.txChecksum ? 'on' : 'off'}`
    case 'nft-table':
      return formatNftTable(entry)
    case 'nft-element':
      return formatNftElement(entry)
    case 'iptables-chain':
      return formatIptablesChain(entry)
  }
}

function formatQdisc({ link, qdisc }: QdiscEntry): string {
  if (qdisc.type === 'other') return qdisc.name
  const { rateBps, burstBytes, limitBytes } = qdisc
  const handle = `${PROTOCOL.toString(16)}:`
  const rate = `rate ${rateBps}bit burst ${burstBytes}b`
  if (qdisc.type === 'tbf') return `handle ${handle} tbf ${rate} limit ${limitBytes}b`
  const side = qdisc.by === 'source' ? 'src' : 'dst'
  const [others, listed] = qdisc.shaped === 'listed' ? [0, `${handle}1`] : [1, handle]
  return words(
    `handle ${handle} htb default ${others}`,
    `&& tc class add dev ${quote(link)} parent ${handle} classid ${handle}1 htb ${rate}`,
    `&& tc qdisc add dev ${quote(link)} parent ${handle}1 bfifo limit ${limitBytes}b`,
    ...qdisc.prefixes.map(prefix => {
      const family = familyOf(prefix) === 6 ? ['ipv6 pref 114', 'ip6'] : ['ip pref 113', 'ip']
      const match = `u32 match ${family[1]} ${side} ${prefix} classid ${listed}`
      return `&& tc filter add dev ${quote(link)} parent ${handle} protocol ${family[0]} ${match}`
    }),
  )
}

function formatRoute(route: RouteEntry): string {
  const { dst, gateway, link, type, source, metric, table, scope, mtu, advmss } = route
  const v6 = familyOf(dst) === 6
  return words(
    `${ip(dst)} route replace`,
    type !== 'unicast' && type,
    dst === '0.0.0.0/0' || dst === '::/0' ? 'default' : dst,
    gateway && `via ${gateway}`,
    link !== undefined && `dev ${quote(link)}`,
    route.onlink && 'onlink',
    source && `src ${source}`,
    metric !== (v6 ? 1024 : 0) && `metric ${metric}`,
    table !== 254 && `table ${table}`,
    scope && `scope ${scope === 'universe' ? 'global' : scope}`,
    mtu !== undefined && `mtu ${mtu}`,
    advmss !== undefined && `advmss ${advmss}`,
    `proto ${PROTOCOL}`,
  )
}

function formatRule(rule: RuleEntry): string {
  const { family, priority, src, dst, iif, oif, fwmark, table } = rule
  return words(
    `${family === 6 ? 'ip -6' : 'ip'} rule add from ${src ?? 'all'}`,
    dst && `to ${dst}`,
    iif !== undefined && `iif ${quote(iif)}`,
    oif !== undefined && `oif ${quote(oif)}`,
    fwmark && `fwmark ${hex(fwmark.value)}/${hex(fwmark.mask)}`,
    `lookup ${table} priority ${priority} protocol ${PROTOCOL}`,
  )
}

function ip(address: string): string {
  return familyOf(address) === 6 ? 'ip -6' : 'ip'
}
