import { vlanRanges } from '../netlink/index.ts'
import type { LinkEntry, TunLink } from './entry.ts'
import { quote, words } from './format-words.ts'
import { isMoved, isStacked, type MovedLink } from './kinds/link.ts'
import { vlansWanted } from './kinds/vlans.ts'
import { linkAlias, movedAlias } from './ownership.ts'

/** The namespace that a shell is in, for `ip` in another one. */
const HERE = 'netns /proc/$$/ns/net'

/** A link as the commands that would make it, or set it, in a shell in its namespace. */
export function formatLink(link: LinkEntry): string {
  return [...makingCommands(link), ...portCommands(link), ...vlanCommands(link)].join(' && ')
}

function makingCommands(link: LinkEntry): string[] {
  const { name, claim } = link
  const set = words(`ip link set ${quote(name)}`, settings(link))
  if (isMoved(link)) return [fetchCommand(link), set]
  if (link.type === 'tun') return [...tunCommands(link), set]
  if (claim === 'use') return [set]
  const { up, addrGenMode, ...born } = link
  const atBirth = addrGenMode === undefined ? link : born
  const add = words(`ip link add ${quote(name)}`, settings(atBirth), deviceOf(link), typeOf(link))
  if (addrGenMode === undefined) return [add]
  // The kernel hears of it only when the link is there, and must before it is up.
  return [add, words(`ip link set ${quote(name)} addrgenmode ${addrGenMode}`, up === true && 'up')]
}

function settings(link: LinkEntry): string {
  const { mtu, mac, master, up, promisc, allmulticast, txQueueLength } = link
  const alias = isMoved(link) ? movedAlias(link.movedFrom) : linkAlias(link.owner)
  return words(
    mtu !== undefined && `mtu ${mtu}`,
    mac && `address ${mac}`,
    promisc !== undefined && `promisc ${onOff(promisc)}`,
    allmulticast !== undefined && `allmulticast ${onOff(allmulticast)}`,
    txQueueLength !== undefined && `txqueuelen ${txQueueLength}`,
    master && `master ${quote(master)}`,
    link.claim === 'own' && `alias ${quote(alias)}`,
    up !== undefined && (up ? 'up' : 'down'),
  )
}

function onOff(value: boolean): string {
  return value ? 'on' : 'off'
}

function fetchCommand({ name, movedFrom }: MovedLink): string {
  return `ip -n ${quote(movedFrom.netns)} link set ${quote(movedFrom.name)} ${HERE} name ${quote(name)}`
}

function tunCommands({ name, mode, multiQueue, ownerUid, groupGid, madeIn }: TunLink): string[] {
  const ip = madeIn === undefined ? 'ip' : `ip -n ${quote(madeIn)}`
  const add = words(
    `${ip} tuntap add ${quote(name)} mode ${mode}`,
    ownerUid !== undefined && `user ${ownerUid}`,
    groupGid !== undefined && `group ${groupGid}`,
    multiQueue === true && 'multi_queue',
  )
  return madeIn === undefined ? [add] : [add, `${ip} link set ${quote(name)} ${HERE}`]
}

function deviceOf(link: LinkEntry): string {
  if (!isStacked(link)) return ''
  const netns = link.deviceNetns
  return words(`link ${quote(link.device)}`, netns !== undefined && `link-netns ${quote(netns)}`)
}

function typeOf(link: LinkEntry): string {
  switch (link.type) {
    case 'bridge':
      return words(
        'type bridge',
        link.vlanFiltering !== undefined && `vlan_filtering ${link.vlanFiltering ? 1 : 0}`,
        link.vlanDefaultPvid !== undefined && `vlan_default_pvid ${link.vlanDefaultPvid}`,
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
      const { mode, broadcastQueueLength } = link
      const queue = broadcastQueueLength !== undefined && `bcqueuelen ${broadcastQueueLength}`
      return words(`type macvlan mode ${mode}`, queue)
    }
    case 'ipvlan':
      return words(`type ipvlan mode ${link.mode}`, link.flag)
    case 'vlan':
      return `type vlan id ${link.id}`
    case 'ipip':
      return `type ipip local ${link.local} ${link.pathMtuDiscovery ? 'pmtudisc' : 'nopmtudisc'}`
    case 'vrf':
      return `type vrf table ${link.table}`
    case 'dummy':
    case 'ifb':
    case 'wireguard':
      return `type ${link.type}`
    case 'device':
    case 'tun':
      return ''
  }
}

function portCommands({ name, bridgePort = {} }: LinkEntry): string[] {
  const flags = (['hairpin', 'isolated', 'learning'] as const).flatMap(flag => {
    const value = bridgePort[flag]
    return value === undefined ? [] : [`${flag} ${onOff(value)}`]
  })
  return flags.length === 0 ? [] : [words('bridge link set dev', quote(name), ...flags)]
}

function vlanCommands(link: LinkEntry): string[] {
  const vlans = vlansWanted(link)?.map(({ id, pvid = false, untagged = false }) => ({ id, pvid, untagged }))
  return vlanRanges(vlans ?? []).map(({ first, last, pvid, untagged }) =>
    words(
      `bridge vlan add dev ${quote(link.name)} vid ${first === last ? first : `${first}-${last}`}`,
      pvid && 'pvid',
      untagged && 'untagged',
      link.type === 'bridge' && 'self',
    ),
  )
}
