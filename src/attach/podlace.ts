import type { BridgeConfig } from './bridge-config.ts'

/** What the agent decides for every pod of the node; there is nothing to set in the network configuration. */
export interface PodlaceSettings {
  /** Default `cni0`. */
  readonly bridge?: string
  /** Bytes: the overlay's, so that no packet of a pod is too large for it. */
  readonly mtu: number
}

/** How the bridge of the pod network is set: gateway of its pods, hairpin for Services, masquerade elsewhere. */
export function podlaceBridge({ bridge = 'cni0', mtu }: PodlaceSettings): BridgeConfig {
  return {
    bridge,
    isGateway: true,
    isDefaultGateway: true,
    forceAddress: false,
    // The overlay's own table does it for the whole network.
    ipMasq: false,
    ipMasqBackend: 'nftables',
    mtu,
    hairpinMode: true,
    portIsolation: false,
    enabledad: false,
    disableContainerInterface: false,
    guard: true,
    macspoofchk: false,
  }
}
