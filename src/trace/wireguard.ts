import type { WireguardEntry, WireguardPeerEntry } from '../kernel/index.ts'
import type { Found, NamespaceView } from './view.ts'
import type { TraceStep } from './world.ts'

export interface Tunnelled {
  readonly source: string
  readonly destination: string
}

/** How a packet fares between two devices: what is noted, and where it is then, or that the last step loses it. */
export interface Passage {
  readonly steps: readonly TraceStep[]
  readonly next?: { readonly view: NamespaceView; readonly arrival: string }
}

/**
 * Through the tunnel that the link is an end of. The peer is the one whose prefixes have the destination; the far end
 * takes the packet only from a peer of the key it was encrypted by, and only with a source of that peer's.
 *
 * @param nodeAt whoever answers to an address of the underlay
 */
export function throughTunnel(
  view: NamespaceView,
  link: string,
  packet: Tunnelled,
  nodeAt: (address: string) => NamespaceView | undefined,
): Passage {
  const steps: TraceStep[] = []
  const note = (where: string, what: string, because: readonly string[] = []): Passage => {
    steps.push({ where, what, because })
    return { steps }
  }
  const where = view.where(link)
  const device = view.wireguard(link)
  if (device === undefined) return note(where, `${link} has no key, so it sends nothing`)
  const peer = view.wireguardPeer(link, packet.destination)
  if (peer === undefined)
    return note(where, `no peer of ${link} has ${packet.destination}: it is dropped, not sent in the clear`)
  const { endpoint, publicKey } = peer.entry
  if (endpoint === undefined) return note(where, `where the peer ${publicKey} is, is not known`, peer.because)
  note(where, `${packet.destination} is behind peer ${publicKey} at ${endpoint.address}`, peer.because)
  note('wire', `encrypted, to ${endpoint.address} udp ${endpoint.port}`)
  const far = nodeAt(endpoint.address)
  if (far === undefined) return note('wire', `no node has the address ${endpoint.address}`)
  const target = far.wireguards().find(({ entry }) => entry.listenPort === endpoint.port)
  if (target === undefined) return note(far.where(), `nobody listens at UDP port ${endpoint.port}`)
  const loss = whyRefused(far, { device: target, sender: device.entry, sent: peer.entry }, packet)
  const arrival = target.entry.link
  if (loss !== undefined) return note(far.where(arrival), loss.what, loss.because)
  return { steps, next: { view: far, arrival } }
}

interface Ends {
  readonly device: Found<WireguardEntry>
  readonly sender: WireguardEntry
  /** The peer as the sender knows it. */
  readonly sent: WireguardPeerEntry
}

function whyRefused(
  far: NamespaceView,
  { device, sender, sent }: Ends,
  { source }: Tunnelled,
): { readonly what: string; readonly because: readonly string[] } | undefined {
  const { link, publicKey } = device.entry
  if (far.link(link)?.entry.up === false) return { what: `${link} is down`, because: device.because }
  if (publicKey !== sent.publicKey)
    return { what: `${link} has the key ${publicKey}, not ${sent.publicKey}`, because: device.because }
  const known = far.wireguardPeers(link).find(({ entry }) => entry.publicKey === sender.publicKey)
  if (known === undefined) return { what: `${link} has no peer of the key ${sender.publicKey}`, because: [] }
  const { because } = known
  if (known.entry.presharedKey !== sent.presharedKey)
    return { what: 'the two ends have different preshared keys', because }
  if (far.wireguardPeer(link, source)?.entry.publicKey === sender.publicKey) return undefined
  return { what: `the peer ${sender.publicKey} may not send from ${source}`, because }
}
