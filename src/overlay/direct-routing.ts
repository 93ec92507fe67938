import { contains, type Family, parseInterfaceAddress, tryParseAddress } from '../ip/index.ts'
import type { RouteEntry } from '../kernel/index.ts'
import type { PeerFamily, Uplink } from './node.ts'

/** IP6_RT_PRIO_USER: what the kernel makes of metric 0 for IPv6. */
const METRIC: Readonly<Record<Family, number>> = { 4: 0, 6: 1024 }

/** The main table. */
const MAIN = 254

/** True if the peer can be a gateway: its address lies in a prefix of the uplink, so no router is between. */
export function isOnLink(uplink: Uplink, publicAddress: string): boolean {
  const address = tryParseAddress(publicAddress)
  if (address === undefined) return false
  return uplink.addresses.some(own => contains(parseInterfaceAddress(own).prefix, address))
}

/** The route of a peer's block without encapsulation: `ip route replace <block> via <peer> dev <uplink>`. */
export function directRoute(uplink: Uplink, family: Family, peer: PeerFamily): RouteEntry {
  return {
    kind: 'route',
    dst: peer.podCidr,
    table: MAIN,
    metric: METRIC[family],
    link: uplink.device,
    gateway: peer.publicAddress,
  }
}

/** The route of many blocks through a device that knows where each is. */
export function deviceRoute(family: Family, dst: string, link: string): RouteEntry {
  return { kind: 'route', dst, table: MAIN, metric: METRIC[family], link }
}

/** The route of a peer's block through a device whose gateways no address covers. */
export function onlinkRoute(family: Family, podCidr: string, gateway: string, link: string): RouteEntry {
  return { kind: 'route', dst: podCidr, table: MAIN, metric: METRIC[family], link, gateway, onlink: true }
}
