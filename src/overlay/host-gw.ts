import type { Family } from '../ip/index.ts'
import type { Entry } from '../kernel/index.ts'
import { directRoute, isOnLink } from './direct-routing.ts'
import { nodeFinding, type OverlayFinding } from './finding.ts'
import type { OverlaySelf, PeerFamily } from './node.ts'

/** host-gw: peers are each other's gateways, which takes a common link. One that is elsewhere gets no route. */
export function hostGatewayPeer(
  self: OverlaySelf,
  family: Family,
  peerName: string,
  peer: PeerFamily,
): { readonly entries: readonly Entry[]; readonly finding?: OverlayFinding } {
  if (isOnLink(self.uplink, peer.publicAddress)) return { entries: [directRoute(self.uplink, family, peer)] }
  const text =
    `its address ${peer.publicAddress} is on no prefix of ${self.uplink.device} of ${self.nodeName} ` +
    `(${self.uplink.addresses.join(', ')}), so host-gw cannot reach its pods ${peer.podCidr}: use backend vxlan`
  return { entries: [], finding: nodeFinding(peerName, text) }
}
