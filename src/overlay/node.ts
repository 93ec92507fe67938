import type { Family, Prefix } from '../ip/index.ts'
import { localMac } from '../ip/index.ts'

/** What this node knows of itself. */
export interface OverlaySelf {
  readonly nodeName: string
  /** Blocks of this node, at most one a family. */
  readonly podCidrs: readonly string[]
  readonly uplink: Uplink
  /** MAC of the IPv4 VTEP; default is one that follows from the node's name, so that a new device has the old one. */
  readonly vtepMac?: string
  readonly vtepMac6?: string
  /** What the command of backend extension printed that runs before anything is told; absent while it has not. */
  readonly preStartupOutput?: string
  /** Public half of this node's key, where backend wireguard is configured. */
  readonly wireguardKey?: string
  /** Families of which the node has iptables. Default none. */
  readonly iptablesFamilies?: readonly Family[]
  /** Devices whose packets arrived with wrong checksums as long as the network card was to fill them in. Default none. */
  readonly softwareChecksums?: readonly string[]
  /** False where the kernel has no IPv6, and so no sysctls of it. Default true. */
  readonly hasIpv6?: boolean
}

/** How this node reaches the others. */
export interface Uplink {
  readonly device: string
  /** Bytes. */
  readonly mtu: number
  /** With prefix length. */
  readonly addresses: readonly string[]
  /** The address of `device` that packets to other nodes leave from. */
  readonly publicAddress?: string
  readonly publicAddress6?: string
}

/** Another node, as its object tells. */
export interface OverlayPeer {
  readonly nodeName: string
  /** RFC 3339; of two that claim the same, the older one has it. */
  readonly createdAt: string
  /** `vxlan`, `host-gw`, or whatever flannel backend its agent runs. */
  readonly backendType: string
  readonly ipv4?: PeerFamily
  readonly ipv6?: PeerFamily
}

/** One family of a peer: each stands and changes for itself. */
export interface PeerFamily {
  readonly podCidr: string
  readonly publicAddress: string
  /** What its backend publishes beside the address; absent for backends that need nothing more. */
  readonly data?: PeerData
}

/** The data of every backend that publishes some, told apart by `type`. */
export type PeerData = VxlanPeerData | UdpPeerData | ExtensionPeerData | WireguardPeerData

export interface VxlanPeerData {
  readonly type: 'vxlan'
  /** What no two nodes may share, in every backend's data: here the MAC of the VTEP. */
  readonly identity: string
  /** A peer that does not say has the same as we. */
  readonly vni?: number
  /** UDP; flannel does not say, and then all its nodes have the same. */
  readonly port?: number
}

export interface UdpPeerData {
  readonly type: 'udp'
  readonly identity?: undefined
  /** A peer that does not say has the same as we. */
  readonly port?: number
}

export interface ExtensionPeerData {
  readonly type: 'extension'
  readonly identity?: undefined
  /** What the peer's command printed. */
  readonly text: string
}

export interface WireguardPeerData {
  readonly type: 'wireguard'
  /** The node's public key, in base64. */
  readonly identity: string
  /** UDP; a peer that does not say has the same as we. */
  readonly port?: number
}

export function peerFamily(peer: OverlayPeer, family: Family): PeerFamily | undefined {
  return family === 4 ? peer.ipv4 : peer.ipv6
}

/** The VTEP's MAC of this node: a node that is made again under its name keeps it, and peers need not learn. */
export function vtepMac(self: OverlaySelf, family: Family): string {
  const given = family === 4 ? self.vtepMac : self.vtepMac6
  return given ?? localMac(`vtep/${family}/${self.nodeName}`)
}

export function publicAddress(uplink: Uplink, family: Family): string | undefined {
  return family === 4 ? uplink.publicAddress : uplink.publicAddress6
}

/** One block of this node with everything that goes with its family. */
export interface OwnBlock {
  readonly family: Family
  readonly block: Prefix
  readonly network: Prefix
}
