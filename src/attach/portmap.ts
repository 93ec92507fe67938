import {
  type Family,
  familyOf,
  formatAddress,
  formatPrefix,
  parseAddress,
  parseInterfaceAddress,
} from '../ip/index.ts'
import type { Entry, FlowFilter, NftElementEntry } from '../kernel/index.ts'
import { invalidConfiguration } from './errors.ts'
import type { Attachment, ChainedSpec } from './plan.ts'
import type { PortMapping, PortmapConfig } from './portmap-config.ts'
import { portmapTable } from './portmap-table.ts'
import { type CniIp, ipFamily } from './result.ts'
import { sysctl } from './sysctls.ts'
import { uniqueEntries } from './unique-entries.ts'

export interface PortmapSpec extends ChainedSpec {
  readonly config: PortmapConfig
}

const UDP = 17
/** The host's own address, as which programs on the host know it. */
export const LOOPBACK_ADDRESS = '127.0.0.1'
const LOOPBACK_PREFIX = '127.0.0.0/8'
const ANY_SOURCE: Readonly<Record<Family, string>> = { 4: '0.0.0.0/0', 6: '::/0' }

/**
 * Ports of the host that lead to the pod, as the CNI `portmap` plugin makes them: one element a mapping and family.
 * That no other pod has a port is for the caller to see to, see `refuseTakenPorts`.
 */
export function planPortmap(spec: PortmapSpec): Attachment {
  const { config, prevResult } = spec
  const targets = podTargets(spec)
  const parts = targets.map(ip => familyEntries(config, ip))
  const host = parts.flatMap(part => part.elements)
  if (uniqueEntries(host).length < host.length) {
    throw invalidConfiguration('portMappings names a port of the host twice')
  }
  return {
    pod: [],
    host,
    shared: [
      ...parts.flatMap(({ table, elements }) => (elements.length > 0 ? [table] : [])),
      ...loopbackSysctl(spec, host),
    ],
    displaced: [],
    staleFlows: targets.flatMap(ip => udpFlows(config, ipFamily(ip))),
    result: prevResult,
  }
}

/** The pod's first address of each family, on the interface that the chain is about. */
function podTargets({ prevResult, ifName }: PortmapSpec): readonly CniIp[] {
  const own = prevResult.ips.filter(({ interface: index }) => {
    if (index === undefined) return true
    const found = prevResult.interfaces[index]
    return found?.name === ifName && found.sandbox !== undefined
  })
  return ([4, 6] as const).flatMap(family => own.find(ip => ipFamily(ip) === family) ?? [])
}

function familyEntries(config: PortmapConfig, ip: CniIp): { table: Entry; elements: NftElementEntry[] } {
  const { address, prefix } = parseInterfaceAddress(ip.address)
  const table = portmapTable(address.family, config)
  const pod = formatAddress(address)
  const element = { kind: 'nft-element', family: table.family, table: table.name } as const
  const elements = mappingsOf(config, address.family).flatMap((mapping): NftElementEntry[] => {
    const port = [mapping.protocol, String(mapping.hostPort)]
    const single = singleAddress(mapping)
    const value = [pod, String(mapping.containerPort)]
    const byLoopback = config.snat && address.family === 4
    const loopback = byLoopback ? [{ ...element, set: 'loopback', key: port, value }] : []
    if (single === LOOPBACK_ADDRESS) return loopback
    if (single !== undefined) return [{ ...element, set: 'addresses', key: [single, ...port], value }]
    return [{ ...element, set: 'ports', key: port, value }, ...loopback]
  })
  const sources = elements.length > 0 ? masqueraded(config, address.family, formatPrefix(prefix)) : []
  const fromLoopback = elements.some(({ set }) => set === 'loopback') && !config.masqAll
  return {
    table,
    elements: [
      ...elements,
      ...[...sources, ...(fromLoopback ? [LOOPBACK_PREFIX] : [])].map(source => ({
        ...element,
        set: 'masquerade',
        key: [source, pod],
      })),
    ],
  }
}

/** Whose packets to the pod take an address of the host. */
function masqueraded({ snat, masqAll }: PortmapConfig, family: Family, subnet: string): readonly string[] {
  if (!snat) return []
  return [masqAll ? ANY_SOURCE[family] : subnet]
}

/** Lets what the host sends to itself leave by the link to the pod; for what must come along see `portmapTable`. */
function loopbackSysctl({ prevResult }: PortmapSpec, host: readonly Entry[]): readonly Entry[] {
  const isNeeded = host.some(entry => entry.kind === 'nft-element' && entry.set === 'loopback')
  const link = prevResult.interfaces.find(({ sandbox = '' }) => sandbox === '')
  return isNeeded && link !== undefined ? [sysctl(`ipv4/conf/${link.name}/route_localnet`, 1)] : []
}

/** A UDP flow that began before the mapping goes on as before until it is forgotten. */
function udpFlows(config: PortmapConfig, family: Family): readonly FlowFilter[] {
  const udp = mappingsOf(config, family).filter(({ protocol }) => protocol === 'udp')
  return udp.map(mapping => {
    const destination = singleAddress(mapping)
    const flow = { family, protocol: UDP, destinationPort: mapping.hostPort }
    return destination === undefined ? flow : { ...flow, destination }
  })
}

function mappingsOf({ portMappings }: PortmapConfig, family: Family): readonly PortMapping[] {
  return portMappings.filter(({ hostIP }) => hostIP === undefined || familyOf(hostIP) === family)
}

/** The one address of the host that is meant; undefined for any. */
export function singleAddress({ hostIP }: PortMapping): string | undefined {
  return hostIP === undefined || parseAddress(hostIP).value === 0n ? undefined : hostIP
}
