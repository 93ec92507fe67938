import type { Json } from './json.ts'
import { LEASES } from './our-program.ts'

/** A pod's namespace; `containerId` is new for each attachment. */
export interface Pod {
  readonly containerId: string
  /** `/run/netns/` and its name. */
  readonly netns: string
  /** The port of the host that leads to its `POD_PORT`, where the network maps ports. */
  readonly hostPort: number
}

/** What a plugin gets on standard input. */
export interface PluginConfiguration extends Json {
  readonly type: string
}

/** A network that pods are attached to: what is configured, and what must come of it. */
export interface CniNetwork {
  readonly name: string
  readonly bridge: string
  readonly gateway: string
  readonly ipMasq: boolean
  /** Behind the bridge plugin come `portmap` and `bandwidth`. */
  readonly isChain: boolean
}

function network(number: number, name: string, more: Partial<CniNetwork> = {}): CniNetwork {
  const gateway = `10.${88 + number}.0.1`
  return { name, bridge: `cni${number}`, gateway, ipMasq: false, isChain: false, ...more }
}

export const NETWORKS = {
  plain: network(0, 'bench'),
  ipMasq: network(1, 'bench-masq', { ipMasq: true }),
  chain: network(2, 'bench-chain', { isChain: true }),
  /** Of which thousands of addresses are taken. */
  full: network(3, 'bench-full'),
} as const

export const POD_PORT = 80

/** Bits per second, and bits at once: two different ones, so that none can be taken for the other. */
export const LIMITS = {
  ingressRate: 400_000_000,
  ingressBurst: 16_000_000,
  egressRate: 200_000_000,
  egressBurst: 8_000_000,
} as const

/** The plugins of the chain in order, each with what a runtime gives it for this pod, but for `prevResult`. */
export function pluginsOf(network: CniNetwork, pod: Pod): readonly PluginConfiguration[] {
  const bridge = bridgePlugin(network)
  if (!network.isChain) return [bridge]
  const { cniVersion, name } = bridge
  const portMappings = [{ hostPort: pod.hostPort, containerPort: POD_PORT, protocol: 'tcp' }]
  return [
    bridge,
    {
      cniVersion,
      name,
      type: 'portmap',
      capabilities: { portMappings: true },
      runtimeConfig: { portMappings },
    },
    {
      cniVersion,
      name,
      type: 'bandwidth',
      capabilities: { bandwidth: true },
      runtimeConfig: { bandwidth: LIMITS },
    },
  ]
}

/** The bridge with a gateway; addresses by host-local. */
export function bridgePlugin({ name, bridge, gateway, ipMasq }: CniNetwork) {
  return {
    cniVersion: '1.0.0',
    name,
    type: 'bridge',
    bridge,
    isGateway: true,
    hairpinMode: true,
    ipMasq,
    ipam: {
      type: 'host-local',
      ranges: [[{ subnet: `${gateway.slice(0, -'.1'.length)}.0/16` }]],
      routes: [{ dst: '0.0.0.0/0' }],
      dataDir: LEASES,
    },
  }
}
