import { familyOf } from '../ip/index.ts'
import type { Entry, LinkEntry, QdiscEntry, RouteEntry, RuleEntry } from './entry.ts'
import { formatNftElement, formatNftTable } from './format-nft.ts'
import { hex, quote, words } from './format-words.ts'

/** The number that marks routes, rules, neighbours, qdiscs and filters as ours. */
const PROTOCOL = 113

/**
 * An entry as the `ip`, `bridge`, `tc`, `sysctl` or `nft` command that would make it, for people and for tests. It is
 * never run. Only a table takes more than one line.
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
    case 'nft-table':
      return formatNftTable(entry)
    case 'nft-element':
      return formatNftElement(entry)
  }
}

function formatLink(link: LinkEntry): string {
  const { name, mtu, mac, master, up, bridgePort } = link
  const common = words(
    mtu !== undefined && `mtu ${mtu}`,
    mac && `address ${mac}`,
    master && `master ${quote(master)}`,
    link.claim === 'own' && `alias ${quote(`podlace:${link.owner}`)}`,
    up !== undefined && (up ? 'up' : 'down'),
  )
  const head = link.claim === 'own' ? `ip link add ${quote(name)}` : `ip link set ${quote(name)}`
  const command = words(head, common, link.claim === 'own' && linkType(link))
  if (bridgePort === undefined) return command
  const port = (['hairpin', 'isolated', 'learning'] as const).map(
    flag => bridgePort[flag] !== undefined && `${flag} ${bridgePort[flag] ? 'on' : 'off'}`,
  )
  return `${command} && ${words('bridge link set dev', quote(name), ...port)}`
}

function linkType(link: LinkEntry): string {
  switch (link.type) {
    case 'device':
      return ''
    case 'bridge':
      return words(
        'type bridge',
        link.vlanFiltering !== undefined && `vlan_filtering ${link.vlanFiltering ? 1 : 0}`,
      )
    case 'veth': {
      const { name, netns, mac, mtu } = link.peer
      return words(
        `type veth peer name ${quote(name)} netns ${quote(netns)}`,
        mac && `address ${mac}`,
        mtu !== undefined && `mtu ${mtu}`,
      )
    }
    case 'vxlan': {
      const end = `dstport ${link.udpPort}`
      const { vni, local, device, learning, gbp } = link
      const source = `type vxlan id ${vni} local ${local} dev ${quote(device)}`
      return words(source, end, learning ? 'learning' : 'nolearning', gbp && 'gbp')
    }
    case 'macvlan': {
      const queue = link.broadcastQueueLength
      return words(
        `link ${quote(link.device)} type macvlan mode ${link.mode}`,
        queue !== undefined && `bcqueuelen ${queue}`,
      )
    }
    case 'ipvlan':
      return words(`link ${quote(link.device)} type ipvlan mode ${link.mode}`, link.flag)
    case 'vlan':
      return `link ${quote(link.device)} type vlan id ${link.id}`
    case 'vrf':
      return `type vrf table ${link.table}`
    case 'dummy':
    case 'ifb':
      return `type ${link.type}`
    case 'tun':
      return `type tun mode ${link.mode}`
  }
}

function formatQdisc({ qdisc }: QdiscEntry): string {
  if (qdisc.type === 'other') return qdisc.name
  const { rateBps, burstBytes, limitBytes } = qdisc
  const handle = `${PROTOCOL.toString(16)}:`
  return `handle ${handle} tbf rate ${rateBps}bit burst ${burstBytes}b limit ${limitBytes}b`
}

function formatRoute(route: RouteEntry): string {
  const { dst, gateway, link, type, source, metric, table, scope, mtu } = route
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
