import { firstAddress, formatAddress } from '../ip/index.ts'
import type { Entry } from '../kernel/index.ts'
import type { IpipBackend } from '../model/index.ts'
import { type Backend, eachSide, type LocalBlock } from './backend.ts'
import { directRoute, isOnLink, onlinkRoute } from './direct-routing.ts'
import { ipipGuard, ipipPeer } from './ipip-guard.ts'
import { deviceSysctls } from './sysctls.ts'

/** The name that flannel's users and tools know. */
const DEVICE = 'flannel.ipip'

/** linux/in.h; /etc/protocols calls it `ipencap`. */
const IPPROTO_IPIP = 4

/** One more IPv4 header (RFC 2003, section 3.1). */
const OVERHEAD = 20

/**
 * ipip: IPv4 in IPv4, one device to all peers; who it goes to is the gateway of the route. Nothing is published: a
 * peer's address says it all.
 */
export function ipipBackend({ type, directRouting = false }: IpipBackend): Backend {
  return {
    type,
    families: [4],
    tunnelPorts: [],
    tunnelProtocol: IPPROTO_IPIP,
    mtu: undefined,
    overhead: () => OVERHEAD,
    published: () => null,
    nodeEntries: (self, blocks) => blocks.flatMap(block => deviceEntries(block, self.hasIpv6 ?? true)),
    acceptFrom: sides => ({ entries: sides.map(({ peer }) => ipipPeer(peer.publicAddress)) }),
    peerEntries: ({ uplink }, sides) =>
      eachSide(sides, ({ own, peer }) => [
        // Also where our own way is direct: the peer's need not be, as long as the two ends change at different times.
        ipipPeer(peer.publicAddress),
        directRouting && isOnLink(uplink, peer.publicAddress)
          ? directRoute(uplink, own.family, peer)
          : onlinkRoute(own.family, peer.podCidr, peer.publicAddress, DEVICE),
      ]),
  }
}

function deviceEntries(own: LocalBlock, hasIpv6: boolean): readonly Entry[] {
  const { family, block, local, mtu } = own
  const common = { kind: 'link', claim: 'own', name: DEVICE, owner: 'overlay', up: true, mtu } as const
  return [
    // As flannel makes it: a packet that may be fragmented on its way may be so in its envelope, too.
    { ...common, type: 'ipip', local, pathMtuDiscovery: false },
    ...deviceSysctls(DEVICE, family, hasIpv6),
    // The source of what the node itself sends to pods elsewhere; /32, so that no other route follows from it.
    { kind: 'address', link: DEVICE, address: `${formatAddress(firstAddress(block))}/32` },
    ipipGuard(own),
  ]
}
