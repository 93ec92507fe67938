import type { Family, Prefix } from '../ip/index.ts'
import { parsePrefix } from '../ip/index.ts'
import type { NetworkConfig } from '../model/index.ts'

/** A vxlan backend with its defaults in place. */
export interface VxlanSettings {
  readonly type: 'vxlan'
  readonly vni: number
  readonly port: number
  /** Bytes; undefined derives it from the uplink. */
  readonly mtu: number | undefined
  readonly directRouting: boolean
  readonly learning: boolean
  readonly gbp: boolean
}

export interface HostGatewaySettings {
  readonly type: 'host-gw'
}

export type BackendSettings = VxlanSettings | HostGatewaySettings

/** The pod network of one family. */
export interface FamilyNetwork {
  readonly network: Prefix
  /** Length of one node's block. */
  readonly blockLength: number
}

/** flannel's defaults: VNI 1, the kernel's historic port 8472, everything else off. */
export function backendSettings(config: NetworkConfig): BackendSettings {
  const { backend } = config.spec
  if (backend.type === 'host-gw') return { type: 'host-gw' }
  return {
    type: 'vxlan',
    vni: backend.vni ?? 1,
    port: backend.port ?? 8472,
    mtu: backend.mtu,
    directRouting: backend.directRouting ?? false,
    learning: backend.learning ?? false,
    gbp: backend.gbp ?? false,
  }
}

/** UDP ports at which nodes take packets of each other. */
export function tunnelPorts(config: NetworkConfig): readonly number[] {
  const settings = backendSettings(config)
  return settings.type === 'vxlan' ? [settings.port] : []
}

/** Undefined if the network has no such family. */
export function familyNetwork(config: NetworkConfig, family: Family): FamilyNetwork | undefined {
  const { network, ipv6Network, subnetLength = 24, ipv6SubnetLength = 64 } = config.spec
  const text = family === 4 ? network : ipv6Network
  if (text === undefined) return undefined
  return { network: parsePrefix(text), blockLength: family === 4 ? subnetLength : ipv6SubnetLength }
}
