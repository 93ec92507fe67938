import type { PeerEnd } from '../../overlay/index.ts'
import { type PeerReport, PROBE_PORT } from '../../probe/index.ts'

/** What is wrong with a way to a peer, and what may be done; undefined if nothing is known to be. */
export function peerFault(end: PeerEnd, report: PeerReport): string | undefined {
  if (report.state === 'down') return silence(end, report)
  return report.fullSize === 'lost' ? narrowness(end, report) : undefined
}

function silence(end: PeerEnd, { answersPublicly, refused, spoilsChecksums }: PeerReport): string {
  const { address, publicAddress, device, uplink } = end
  const firewall = `a firewall there drops UDP port ${PROBE_PORT} without a word`
  if (refused !== undefined) return `this node cannot send to it through ${device}: ${refused}`
  if (address === publicAddress) {
    return `it does not answer at ${address}: it is down or cut off, or ${firewall}`
  }
  if (spoilsChecksums === true) {
    return `it hears through ${device} only packets whose checksum this node computes itself: the network card behind ${uplink}, or the hypervisor, spoils the others`
  }
  if (answersPublicly === true) {
    return `it answers at ${publicAddress} but not through ${device}: ${suspicion(end)}`
  }
  if (answersPublicly === undefined) return `it does not answer through ${device}`
  return `it does not answer at all, neither through ${device} nor at ${publicAddress}: it is down or cut off, or ${firewall}`
}

function suspicion({ backendType, tunnelPorts }: PeerEnd): string {
  if (tunnelPorts.length === 0) return 'what the tunnel is made of may be blocked on the way'
  const blocked = `UDP port ${tunnelPorts.join(' or ')} may be blocked on the way`
  return backendType === 'wireguard' ? `${blocked}, or the two do not have each other's keys` : blocked
}

function narrowness(end: PeerEnd, { toldMtu }: PeerReport): string {
  const found = `packets of ${end.podMtu} bytes do not reach it, small ones do: the path MTU is smaller`
  if (toldMtu === undefined) return `${found}; ${advice(end, undefined)}`
  return `${found}, ${toldMtu} as a router says; ${advice(end, toldMtu)}`
}

/** Backends whose MTU the network may set; pods of the others get what is left of the uplink's. */
const SETTABLE: ReadonlySet<string> = new Set(['vxlan', 'wireguard'])

function advice({ backendType, uplink, overhead }: PeerEnd, mtu: number | undefined): string {
  if (SETTABLE.has(backendType)) {
    return mtu === undefined ? 'set a smaller mtu of the network' : `set mtu of the network to ${mtu}`
  }
  const change =
    mtu === undefined ? `lower the MTU of ${uplink}` : `set the MTU of ${uplink} to ${mtu + overhead}`
  return `${change} on every node`
}
