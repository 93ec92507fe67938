/** How nodes reach each other's pods: what `spec.backend` of a NetworkConfig may be, told apart by `type`. */

export interface VxlanBackend {
  readonly type: 'vxlan'
  /** Default 1. */
  readonly vni?: number
  /** UDP, default 8472. */
  readonly port?: number
  /** Bytes; default the uplink's MTU less the encapsulation (50, or 70 over IPv6). */
  readonly mtu?: number
  /** Peers on the node's own subnet are routed to without encapsulation. Default false. */
  readonly directRouting?: boolean
  readonly learning?: boolean
  readonly gbp?: boolean
}

export interface HostGatewayBackend {
  readonly type: 'host-gw'
}

/** IPv4 in IPv4; IPv4 pods only. */
export interface IpipBackend {
  readonly type: 'ipip'
  /** Peers on the node's own subnet are routed to without encapsulation. Default false. */
  readonly directRouting?: boolean
}

/** A process that carries packets over UDP; IPv4 pods only. */
export interface UdpBackend {
  readonly type: 'udp'
  /** Default 8285. */
  readonly port?: number
}

/** Addresses alone: who carries packets between nodes is somebody else. */
export interface AllocBackend {
  readonly type: 'alloc'
}

/** Programs of the administrator carry packets. Each is a program and its arguments, see `commandWords`. */
export interface ExtensionBackend {
  readonly type: 'extension'
  /** Before a node tells of itself; what it prints is told to the peers. */
  readonly preStartupCommand?: string
  /** When the node has its block: NETWORK, SUBNET, PUBLIC_IP (IPV6NETWORK, IPV6SUBNET, PUBLIC_IPV6) are set. */
  readonly postStartupCommand?: string
  /** For each peer: SUBNET, PUBLIC_IP (IPV6SUBNET, PUBLIC_IPV6) are set, standard input is what the peer printed. */
  readonly subnetAddCommand?: string
  readonly subnetRemoveCommand?: string
}

/** The kernel's encrypted tunnels. */
export interface WireguardBackend {
  readonly type: 'wireguard'
  /** UDP; default 51820. */
  readonly listenPort?: number
  /** UDP, of the tunnel over IPv6 in mode `separate`; default 51821. */
  readonly listenPortV6?: number
  /** Bytes; default the uplink's MTU less 80. */
  readonly mtu?: number
  /** 32 bytes in base64, the same on all nodes (`wg genpsk`): keeps what is recorded today from quantum computers. */
  readonly presharedKey?: string
  /** Default 0, which is off. */
  readonly persistentKeepaliveSeconds?: number
  /**
   * `separate`: a tunnel over each family, for the pods of that family. Else one tunnel for both, over the family that
   * the mode names, or whichever suits a peer. Default `separate`.
   */
  readonly mode?: 'separate' | 'auto' | 'ipv4' | 'ipv6'
}

/** Every backend under its type. */
export interface BackendByType {
  readonly vxlan: VxlanBackend
  readonly 'host-gw': HostGatewayBackend
  readonly ipip: IpipBackend
  readonly udp: UdpBackend
  readonly alloc: AllocBackend
  readonly extension: ExtensionBackend
  readonly wireguard: WireguardBackend
}

export type BackendType = keyof BackendByType

export type BackendConfig = BackendByType[BackendType]

/** What may be shown of it to whoever looks at a node. */
export function withoutSecrets(backend: BackendConfig): BackendConfig {
  if (backend.type !== 'wireguard' || backend.presharedKey === undefined) return backend
  return { ...backend, presharedKey: '(secret)' }
}
