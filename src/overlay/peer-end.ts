import { covers, type Family, firstAddress, formatAddress, parsePrefix } from '../ip/index.ts'
import type { Entry, RouteEntry } from '../kernel/index.ts'
import type { Backend, PeerOutcome, PeerSide } from './backend.ts'
import type { OverlaySelf, PeerFamily } from './node.ts'

/** One family of a peer as this node's packets get to it: whom to ask whether the way is sound. */
export interface PeerEnd {
  readonly nodeName: string
  readonly family: Family
  readonly backendType: string
  /** An address that the peer itself has at the end of the way: of its tunnel's device, else its public one. */
  readonly address: string
  readonly publicAddress: string
  /** The device of this node that leads there. */
  readonly device: string
  readonly uplink: string
  /** What pods may send at once; bytes. */
  readonly podMtu: number
  /** Bytes that the backend adds to a packet, whether or not this way is direct. */
  readonly overhead: number
  /** UDP ports of the peer that the way needs open; empty for one without encapsulation, and for ipip. */
  readonly tunnelPorts: readonly number[]
  /** The network card fills in checksums of what goes there, within the tunnel: it may spoil them. */
  readonly offloadsChecksums: boolean
}

/** Undefined for a side that the backend keeps out. @param podMtu bytes */
export function peerEnd(
  backend: Backend,
  self: OverlaySelf,
  nodeName: string,
  { own, peer }: PeerSide,
  { entries, faults }: PeerOutcome,
  podMtu: number,
): PeerEnd | undefined {
  // Where one route leads to all peers, it is the node's.
  const route =
    routeTo(entries, peer.podCidr) ??
    (faults.length === 0 ? routeTo(backend.nodeEntries(self, [own]), peer.podCidr) : undefined)
  if (route?.link === undefined) return undefined
  const { device } = self.uplink
  const direct = route.link === device
  return {
    nodeName,
    family: own.family,
    backendType: backend.type,
    address: direct ? peer.publicAddress : formatAddress(firstAddress(parsePrefix(peer.podCidr))),
    publicAddress: peer.publicAddress,
    device: route.link,
    uplink: device,
    podMtu,
    overhead: backend.overhead(own.family),
    offloadsChecksums: !direct && backend.offloadsChecksums === true,
    tunnelPorts: direct ? [] : portsOfPeer(backend, peer),
  }
}

/** UDP ports at which the peer takes packets: the one that it tells, else those that the backend has everywhere. */
export function portsOfPeer({ tunnelPorts }: Backend, { data }: PeerFamily): readonly number[] {
  const told = data !== undefined && 'port' in data ? data.port : undefined
  return told === undefined || tunnelPorts.length === 0 ? tunnelPorts : [told]
}

function routeTo(entries: readonly Entry[], podCidr: string): RouteEntry | undefined {
  const block = parsePrefix(podCidr)
  return entries.find(
    (entry): entry is RouteEntry => entry.kind === 'route' && covers(parsePrefix(entry.dst), block),
  )
}
