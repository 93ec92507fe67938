import { firstAddress, formatAddress, formatPrefix } from '../ip/index.ts'
import type { Entry } from '../kernel/index.ts'
import type { UdpBackend } from '../model/index.ts'
import type { Backend, LocalBlock, Needs, PeerSide } from './backend.ts'
import { deviceRoute } from './direct-routing.ts'
import type { TunnelEffect, TunnelPeerEffect } from './effect.ts'
import type { PeerData } from './node.ts'
import { deviceSysctls, sysctl } from './sysctls.ts'

/** The name that flannel's users and tools know. */
const DEVICE = 'flannel0'

/** Outer IPv4 header (20) + UDP (8): the inner packet is the payload as it is. */
const OVERHEAD = 28

/**
 * udp: a process carries packets between a TUN device and a UDP port. The kernel has one route, to the whole network by
 * way of the device; which peer a packet goes to is in the process's table.
 */
export function udpBackend({ type, port = 8285 }: UdpBackend): Backend {
  return {
    type,
    families: [4],
    tunnelPorts: [port],
    announcedPort: port,
    mtu: undefined,
    overhead: () => OVERHEAD,
    notices: [
      `backend udp neither encrypts nor authenticates: whoever can send from a peer's address to UDP port ${port} speaks for its pods; take backend wireguard where the network between nodes is not trusted`,
    ],
    published: () => null,
    nodeEntries: (self, blocks) => blocks.flatMap(block => deviceEntries(block, self.hasIpv6 ?? true)),
    nodeEffects: (_self, blocks) => blocks.map(block => tunnel(block, port)),
    acceptFrom: sides => tunnelPeers(sides, port),
    peerEntries: (_self, sides) => ({ ...tunnelPeers(sides, port), faults: [] }),
  }
}

function deviceEntries({ family, block, network, mtu }: LocalBlock, hasIpv6: boolean): readonly Entry[] {
  const common = { kind: 'link', claim: 'own', name: DEVICE, owner: 'overlay', up: true, mtu } as const
  return [
    { ...common, type: 'tun', mode: 'tun', multiQueue: true },
    ...deviceSysctls(DEVICE, family, hasIpv6),
    // The tunnel's ICMP errors come from the device's own address; the kernel drops such packets otherwise.
    sysctl(`ipv4/conf/${DEVICE}/accept_local`, 1),
    { kind: 'address', link: DEVICE, address: `${baseOf(block)}/32` },
    deviceRoute(family, formatPrefix(network), DEVICE),
  ]
}

function tunnel({ block, local, mtu }: LocalBlock, port: number): TunnelEffect {
  return {
    kind: 'tunnel',
    device: DEVICE,
    endpoint: { address: local, port },
    tunnelAddress: baseOf(block),
    mtu,
    localPrefixes: [formatPrefix(block)],
  }
}

/** The backend that a peer announces; the rest is as everywhere. */
export function announcedUdp(data: PeerData | undefined): Backend {
  const port = data?.type === 'udp' ? data.port : undefined
  return udpBackend({ type: 'udp', ...(port === undefined ? {} : { port }) })
}

function tunnelPeers(sides: readonly PeerSide[], ownPort: number): Needs {
  return { entries: [], effects: sides.map(side => tunnelPeer(side, ownPort)) }
}

function tunnelPeer({ peer }: PeerSide, ownPort: number): TunnelPeerEffect {
  const port = (peer.data?.type === 'udp' ? peer.data.port : undefined) ?? ownPort
  return { kind: 'tunnel-peer', peer: { address: peer.publicAddress, port, prefixes: [peer.podCidr] } }
}

/** flannel tells nothing. */
export function readUdpData(): PeerData {
  return { type: 'udp' }
}

function baseOf(block: LocalBlock['block']): string {
  return formatAddress(firstAddress(block))
}
