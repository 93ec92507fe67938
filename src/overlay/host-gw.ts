import type { HostGatewayBackend } from '../model/index.ts'
import { type Backend, eachSide, type PeerSide } from './backend.ts'
import { directRoute, isOnLink } from './direct-routing.ts'
import type { OverlaySelf } from './node.ts'

/** host-gw: peers are each other's gateways, which takes a common link. One that is elsewhere gets no route. */
export function hostGatewayBackend({ type }: HostGatewayBackend): Backend {
  return {
    type,
    families: [4, 6],
    tunnelPorts: [],
    mtu: undefined,
    overhead: () => 0,
    published: () => null,
    nodeEntries: () => [],
    peerEntries: (self, sides) => eachSide(sides, side => gatewayRoute(self, side)),
  }
}

function gatewayRoute({ nodeName, uplink }: OverlaySelf, { own, peer }: PeerSide) {
  if (isOnLink(uplink, peer.publicAddress)) return [directRoute(uplink, own.family, peer)]
  return (
    `its address ${peer.publicAddress} is on no prefix of ${uplink.device} of ${nodeName} ` +
    `(${uplink.addresses.join(', ')}), so host-gw cannot reach its pods ${peer.podCidr}: use backend vxlan`
  )
}
