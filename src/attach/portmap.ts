import { type Family, formatAddress } from '../ip/index.ts'
import type { Entry, FlowFilter, NftElementEntry } from '../kernel/index.ts'
import { LOOPBACK } from './known-prefixes.ts'
import type { Attachment, ChainedSpec } from './plan.ts'
import type { PortmapConfig } from './portmap-config.ts'
import { type FamilyPorts, familyMappings, familyPorts } from './portmap-family.ts'
import { markedChain, portChain } from './portmap-iptables.ts'
import { LOOPBACK_MAP, portmapTable } from './portmap-table.ts'
import { type CniIp, ipFamily } from './result.ts'
import { sysctl } from './sysctls.ts'

export interface PortmapSpec extends ChainedSpec {
  readonly config: PortmapConfig
}

const UDP = 17
/** The host's own address, as which programs on the host know it. */
const LOOPBACK_ADDRESS = '127.0.0.1'

/**
 * Ports of the host that lead to the pod, as the CNI `portmap` plugin makes them: one element a mapping and family, or
 * with iptables one chain a family. That no other pod has a port is for the caller to see to, see `refuseTakenPorts`.
 */
export function planPortmap(spec: PortmapSpec): Attachment {
  const { config, prevResult } = spec
  const targets = podTargets(spec)
  const parts = targets
    .map(ip => familyPorts(config, ip))
    .filter(({ mappings }) => mappings.length > 0)
    .map(ports => (config.backend === 'iptables' ? chainEntries(spec, ports) : elementEntries(config, ports)))
  return {
    pod: [],
    host: parts.flatMap(({ host }) => host),
    shared: [...parts.flatMap(({ shared }) => shared), ...loopbackSysctl(spec, parts)],
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

type HostEntries = { readonly [part in 'host' | 'shared']: readonly Entry[] }

function elementEntries(config: PortmapConfig, { address, mappings, masqueraded }: FamilyPorts): HostEntries {
  const table = portmapTable(address.family, config)
  const pod = formatAddress(address)
  const element = { kind: 'nft-element', family: table.family, table: table.name } as const
  const ports = mappings.flatMap(({ protocol, hostPort, containerPort, hostAddress }): NftElementEntry[] => {
    const port = [protocol, String(hostPort)]
    const value = [pod, String(containerPort)]
    const byLoopback = config.snat && address.family === 4
    const loopback = byLoopback ? [{ ...element, set: LOOPBACK_MAP, key: port, value }] : []
    if (hostAddress === LOOPBACK_ADDRESS) return loopback
    if (hostAddress !== undefined) {
      return [{ ...element, set: 'addresses', key: [hostAddress, ...port], value }]
    }
    return [{ ...element, set: 'ports', key: port, value }, ...loopback]
  })
  const fromLoopback = ports.some(({ set }) => set === LOOPBACK_MAP) && !config.masqAll
  const sources = [...masqueraded, ...(fromLoopback ? [LOOPBACK[4]] : [])]
  const masquerade = sources.map(source => ({ ...element, set: 'masquerade', key: [source, pod] }))
  return { host: [...ports, ...masquerade], shared: [table] }
}

function chainEntries(spec: PortmapSpec, ports: FamilyPorts): HostEntries {
  const { config } = spec
  const marked = ports.masqueraded.length > 0 ? [markedChain(ports.address.family, config)] : []
  return { host: [portChain(spec, config, ports)], shared: marked }
}

/** Lets what the host sends to itself leave by the link to the pod; for what must come along see `portmapTable`. */
function loopbackSysctl({ prevResult }: PortmapSpec, parts: readonly HostEntries[]): readonly Entry[] {
  const host = parts.flatMap(part => part.host)
  const isNeeded = host.some(entry => entry.kind === 'nft-element' && entry.set === LOOPBACK_MAP)
  const link = prevResult.interfaces.find(({ sandbox = '' }) => sandbox === '')
  return isNeeded && link !== undefined ? [sysctl(`ipv4/conf/${link.name}/route_localnet`, 1)] : []
}

/** A UDP flow that began before the mapping goes on as before until it is forgotten. */
function udpFlows(config: PortmapConfig, family: Family): readonly FlowFilter[] {
  const udp = familyMappings(config, family).filter(({ protocol }) => protocol === 'udp')
  return udp.map(({ hostPort, hostAddress }) => {
    const flow = { family, protocol: UDP, destinationPort: hostPort }
    return hostAddress === undefined ? flow : { ...flow, destination: hostAddress }
  })
}
