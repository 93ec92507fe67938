import { formatAddress, linkLocalAddress, parseInterfaceAddress } from '../ip/index.ts'
import type { Entry, NftElementEntry, NftTableEntry } from '../kernel/index.ts'
import {
  arp,
  bridgedPod,
  controlChain,
  guardSets,
  ipv4,
  ipv6,
  layer2,
  pastBridge,
  portChain,
  routedPod,
  trunk,
} from './guard-rules.ts'
import type { Attachment, AttachmentSpec } from './plan.ts'
import { type CniIp, ipFamily } from './result.ts'
import type { VethPair } from './veth-pair.ts'

/**
 * The guard: a pod cannot impersonate anything. Each frame that comes in by a guarded port is from the MAC and the
 * addresses of the pod behind it, and is none of those by which others could be led to take the pod for a router, a
 * DHCP server or another node. What is dropped is counted by cause.
 *
 * The tables are the same for all pods of the node; a pod is some elements in them. Ports without elements are not
 * looked at.
 */

const GUARD_TABLE = 'podlace-guard'

/** What the configuration of a plugin says of it. */
export interface GuardConfig {
  readonly guard: boolean
  /** Of the `bridge` plugin: without the guard, the MAC alone is checked. */
  readonly macspoofchk?: boolean
}

/** What sees the frames of the pod first: the bridge that its host's end is a port of, or the host's own IP layer. */
export type GuardedBy = 'bridge' | 'host'

export interface GuardedPort {
  /** Name of the host's end. */
  readonly link: string
  readonly mac: string
  /** None: only the MAC is checked. */
  readonly ips: readonly CniIp[]
  /** The pod has an IPv6 address of the link, made from its MAC. */
  readonly hasIpv6: boolean
  /** The pod may send VLAN tags. Only a bridge sees them. */
  readonly trunk: boolean
}

/** NF_BR_PRI_NAT_DST_BRIDGED is -300, NF_IP_PRI_CONNTRACK -200: before whatever else might look at it. */
const BRIDGE_PRIORITY = -400
const HOST_PRIORITY = -300

const { ports, macs, ipv4: ipv4Set, ipv6: ipv6Set, tunnels } = guardSets

const bridgeTable: NftTableEntry = {
  kind: 'nft-table',
  family: 'bridge',
  name: GUARD_TABLE,
  sets: [ports, macs, ipv4Set, ipv6Set, tunnels],
  chains: [
    portChain('prerouting', BRIDGE_PRIORITY),
    controlChain(BRIDGE_PRIORITY),
    bridgedPod,
    trunk,
    layer2,
    arp,
    ...ipv4,
    ...ipv6,
  ],
}

const hostTable: NftTableEntry = {
  kind: 'nft-table',
  family: 'inet',
  name: GUARD_TABLE,
  sets: [ports, macs, ipv4Set, ipv6Set, tunnels],
  chains: [portChain('prerouting', HOST_PRIORITY, pastBridge), routedPod, layer2, ...ipv4, ...ipv6],
}

const arpTable: NftTableEntry = {
  kind: 'nft-table',
  family: 'arp',
  name: GUARD_TABLE,
  sets: [ports, macs, ipv4Set],
  chains: [portChain('input', HOST_PRIORITY, pastBridge), { ...arp, name: 'pod' }],
}

/** The part of an attachment that guards its veth pair. */
export function planGuard(
  { guard, macspoofchk = false }: GuardConfig,
  by: GuardedBy,
  spec: AttachmentSpec,
  pair: VethPair,
  options: { readonly trunk?: boolean } = {},
): Pick<Attachment, 'host' | 'shared'> {
  if (!guard && !macspoofchk) return { host: [], shared: [] }
  const port = {
    link: pair.host.name,
    mac: pair.mac,
    ips: guard ? spec.ips : [],
    hasIpv6: spec.podHasIpv6 ?? true,
    trunk: options.trunk ?? false,
  }
  return { host: guardElements(by, port), shared: guardTables(spec.tunnelPorts ?? []) }
}

/**
 * What all guarded pods share: the tables, and the overlay's ports in them.
 *
 * @param tunnelPorts UDP ports at which the nodes of the overlay take packets of each other
 */
export function guardTables(tunnelPorts: readonly number[]): readonly Entry[] {
  const tables = [bridgeTable, hostTable, arpTable]
  return [...tables, ...guardedTunnels(tables, tunnelPorts)]
}

/** The overlay's ports in those guard tables that are among the entries. */
export function guardedTunnels(
  entries: readonly Entry[],
  tunnelPorts: readonly number[],
): readonly NftElementEntry[] {
  if (tunnelPorts.length === 0) return []
  return entries
    .filter(entry => entry.kind === 'nft-table')
    .filter(({ name, sets }) => name === GUARD_TABLE && sets.some(set => set.name === tunnels.name))
    .flatMap(table => tunnelPorts.map(port => element(table, 'tunnels', [String(port)])))
}

/** What makes a port guarded: its elements, which come and go with the attachment. */
export function guardElements(by: GuardedBy, port: GuardedPort): readonly NftElementEntry[] {
  if (port.ips.length === 0) return portElements(by === 'bridge' ? bridgeTable : hostTable, 'layer2', port)
  if (by === 'bridge') return portElements(bridgeTable, port.trunk ? 'trunk' : 'pod', port)
  return [...portElements(hostTable, 'pod', port), ...portElements(arpTable, 'pod', port)]
}

function portElements(table: NftTableEntry, chain: string, port: GuardedPort): readonly NftElementEntry[] {
  const { link, mac } = port
  const elements = [
    { ...element(table, 'ports', [link]), value: { do: 'goto', chain } as const },
    element(table, 'macs', [link, mac]),
  ]
  for (const { set, address } of addressesOf(port))
    if (table.sets.some(({ name }) => name === set)) elements.push(element(table, set, [link, address]))
  return elements
}

function addressesOf({ ips, mac, hasIpv6 }: GuardedPort): readonly { set: string; address: string }[] {
  if (ips.length === 0) return []
  const own = ips.map(ip => ({
    set: ipFamily(ip) === 4 ? 'ipv4' : 'ipv6',
    address: formatAddress(parseInterfaceAddress(ip.address).address),
  }))
  return hasIpv6 ? [...own, { set: 'ipv6', address: formatAddress(linkLocalAddress(mac)) }] : own
}

function element({ family, name }: NftTableEntry, set: string, key: readonly string[]): NftElementEntry {
  return { kind: 'nft-element', family, table: name, set, key }
}
