import { type Family, formatAddress, formatPrefix, parseInterfaceAddress } from '../ip/index.ts'
import type { Entry, NftElementEntry, NftFamily, NftRule, NftSet, NftTableEntry } from '../kernel/index.ts'
import type { NatBackend } from './config-keys.ts'
import { MULTICAST } from './known-prefixes.ts'
import { masqueradeChains } from './masquerade-iptables.ts'
import type { AttachmentSpec } from './plan.ts'
import { type CniIp, ipFamily } from './result.ts'
import { uniqueEntries } from './unique-entries.ts'

/** Longest part of a network's name in the name of its table; names of tables end at 255 bytes. */
const MAX_NAME = 200

/** srcnat of nftables: where source addresses are rewritten. */
const SOURCE_NAT_PRIORITY = 100

export interface MasqueradeConfig {
  readonly ipMasq: boolean
  readonly ipMasqBackend: NatBackend
}

/** What it takes that pods which leave their subnets take an address of the host. */
export function planMasquerade(
  { ipMasq, ipMasqBackend }: MasqueradeConfig,
  spec: AttachmentSpec,
  ips: readonly CniIp[],
): { readonly host: readonly Entry[]; readonly shared: readonly Entry[] } {
  if (!ipMasq) return { host: [], shared: [] }
  if (ipMasqBackend === 'iptables') return { host: masqueradeChains(spec, ips), shared: [] }
  const { network } = spec
  return { host: podElements(network, ips), shared: sharedMasquerade(network, ips) }
}

/** Name of the one table a network has per family, however many pods it has. */
function masqueradeTableName(network: string): string {
  return `podlace-net-${network.slice(0, MAX_NAME)}`
}

/**
 * The rules of a network: what its pods send out of their subnets takes an address of the host, multicast excepted.
 * Pods and subnets are elements, so that a pod that comes or goes changes one element and no rule.
 */
function masqueradeTable(network: string, family: Family): NftTableEntry {
  const comment = `network ${network}`.slice(0, 128)
  const rules = [
    { comment, ...withinSubnets },
    { comment, ...leaving[family] },
  ]
  return {
    kind: 'nft-table',
    family: nftFamily(family),
    name: masqueradeTableName(network),
    sets: sets[family],
    chains: [{ name: 'postrouting', hook, rules }],
  }
}

// What does not hang on the network is made once: a table is planned for each pod, and compared with the one before.
const sets: Readonly<Record<Family, readonly NftSet[]>> = { 4: setsOf('ipv4_addr'), 6: setsOf('ipv6_addr') }

function setsOf(address: 'ipv4_addr' | 'ipv6_addr'): readonly NftSet[] {
  return [
    { name: 'pods', type: 'set', interval: false, key: [address] },
    { name: 'subnets', type: 'set', interval: true, key: [address] },
  ]
}

const hook = { type: 'nat', hook: 'postrouting', priority: SOURCE_NAT_PRIORITY, policy: 'accept' } as const

const withinSubnets: Omit<NftRule, 'comment'> = {
  match: [
    { on: 'source', set: 'pods' },
    { on: 'destination', set: 'subnets' },
  ],
  verdict: { do: 'return' },
}

const leaving: Readonly<Record<Family, Omit<NftRule, 'comment'>>> = { 4: leavingBy(4), 6: leavingBy(6) }

function leavingBy(family: Family): Omit<NftRule, 'comment'> {
  return {
    match: [
      { on: 'source', set: 'pods' },
      { on: 'destination', prefix: MULTICAST[family], not: true },
    ],
    verdict: { do: 'masquerade', fullyRandom: true },
  }
}

/** The pod's addresses: elements that come and go with the attachment. */
function podElements(network: string, ips: readonly CniIp[]): readonly NftElementEntry[] {
  return ips.map(ip => podElement(network, ip))
}

/** What the network's pods share: a table for each family, and the subnets they lie in. */
function sharedMasquerade(network: string, ips: readonly CniIp[]): readonly Entry[] {
  const families = ([4, 6] as const).filter(family => ips.some(ip => ipFamily(ip) === family))
  return [
    ...families.map(family => masqueradeTable(network, family)),
    ...uniqueEntries(ips.map(ip => subnetElement(network, ip))),
  ]
}

function podElement(network: string, ip: CniIp): NftElementEntry {
  return element(network, ipFamily(ip), 'pods', formatAddress(parseInterfaceAddress(ip.address).address))
}

function subnetElement(network: string, ip: CniIp): NftElementEntry {
  return element(network, ipFamily(ip), 'subnets', formatPrefix(parseInterfaceAddress(ip.address).prefix))
}

function element(network: string, family: Family, set: string, key: string): NftElementEntry {
  return {
    kind: 'nft-element',
    family: nftFamily(family),
    table: masqueradeTableName(network),
    set,
    key: [key],
  }
}

function nftFamily(family: Family): NftFamily {
  return family === 4 ? 'ip' : 'ip6'
}
