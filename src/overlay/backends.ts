import type { BackendByType, BackendConfig, BackendType, NetworkConfig } from '../model/index.ts'
import { allocBackend } from './alloc.ts'
import type { Backend } from './backend.ts'
import { extensionBackend, readExtensionData } from './extension.ts'
import { quote } from './finding.ts'
import { hostGatewayBackend } from './host-gw.ts'
import { ipipBackend } from './ipip.ts'
import type { OverlayPeer, PeerData } from './node.ts'
import { announcedUdp, readUdpData, udpBackend } from './udp.ts'
import { announcedVxlan, readVxlanData, vxlanBackend } from './vxlan.ts'
import { readWireguardData, wireguardBackend } from './wireguard.ts'

/** To add a backend: a file beside this one, its configuration in the room `model`, and a line in each table here. */
const backends: { readonly [T in BackendType]: (config: BackendByType[T]) => Backend } = {
  vxlan: vxlanBackend,
  'host-gw': hostGatewayBackend,
  ipip: ipipBackend,
  udp: udpBackend,
  alloc: allocBackend,
  extension: extensionBackend,
  wireguard: wireguardBackend,
}

/** Readers of what nodes publish in `backend-data`, for the backends that need something of it: the data or a fault. */
const readers: ReadonlyMap<string, (value: unknown) => PeerData | string> = new Map([
  ['vxlan', readVxlanData],
  ['extension', readExtensionData],
  ['wireguard', readWireguardData],
  ['udp', readUdpData],
])

/**
 * Backends that a node can have beside the network's own, from what a peer announces: undefined if that is the
 * network's own. One that encrypts is not among them, on either side: what is to be encrypted waits for the other end.
 */
const announced: ReadonlyMap<
  string,
  (own: BackendConfig, data: PeerData | undefined) => Backend | undefined
> = new Map([
  ['vxlan', announcedVxlan],
  ['host-gw', ({ type }) => (type === 'host-gw' ? undefined : hostGatewayBackend({ type: 'host-gw' }))],
  ['ipip', ({ type }) => (type === 'ipip' ? undefined : ipipBackend({ type: 'ipip' }))],
  ['udp', ({ type }, data) => (type === 'udp' ? undefined : announcedUdp(data))],
])

/** The backend of a network with its defaults in place. */
export function backendOf({ spec }: NetworkConfig): Backend {
  return configured(spec.backend.type, spec.backend)
}

/**
 * The way to a node, which is the one that it announces: whoever receives is ready before others send. The notice tells
 * of one that is not the network's own.
 */
export type Way =
  | { readonly isOwn: true; readonly backend: Backend }
  | { readonly isOwn: false; readonly backend: Backend; readonly notice: string }

/** In words if this network cannot send the way that the node announces. */
export function wayTo(config: NetworkConfig, { backendType, ipv4, ipv6 }: OverlayPeer): Way | string {
  const own = backendOf(config)
  const data = (ipv4 ?? ipv6)?.data
  const other = announced.has(own.type) ? announced.get(backendType)?.(config.spec.backend, data) : undefined
  if (other === undefined && backendType === own.type) return { isOwn: true, backend: own }
  const its = other === undefined ? quote(backendType) : titleOf(other)
  const found = `its agent runs backend ${its}, this network runs ${titleOf(own)}`
  if (other === undefined) return `${found}: its pods cannot be reached until both are the same`
  return { isOwn: false, backend: other, notice: `${found}: it is reached its way until both are the same` }
}

/** The reader of a backend's data; undefined if it needs none. @param type as a node says, so it may be any text */
export function dataReader(type: string): ((value: unknown) => PeerData | string) | undefined {
  return readers.get(type)
}

/** UDP ports at which nodes take packets of each other. */
export function tunnelPorts(config: NetworkConfig): readonly number[] {
  return backendOf(config).tunnelPorts
}

/** Number of the IP protocol of what nodes send each other, if that is not UDP. */
export function tunnelProtocol(config: NetworkConfig): number | undefined {
  return backendOf(config).tunnelProtocol
}

function titleOf({ type, title = type }: Backend): string {
  return title
}

function configured<T extends BackendType>(type: T, config: BackendByType[T]): Backend {
  return backends[type](config)
}
