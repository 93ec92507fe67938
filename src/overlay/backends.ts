import type { BackendByType, BackendType, NetworkConfig } from '../model/index.ts'
import { allocBackend } from './alloc.ts'
import type { Backend } from './backend.ts'
import { extensionBackend, readExtensionData } from './extension.ts'
import { hostGatewayBackend } from './host-gw.ts'
import { ipipBackend } from './ipip.ts'
import type { PeerData } from './node.ts'
import { udpBackend } from './udp.ts'
import { readVxlanData, vxlanBackend } from './vxlan.ts'
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
])

/** The backend of a network with its defaults in place. */
export function backendOf({ spec }: NetworkConfig): Backend {
  return configured(spec.backend.type, spec.backend)
}

/** The reader of a backend's data; undefined if it needs none. @param type as a node says, so it may be any text */
export function dataReader(type: string): ((value: unknown) => PeerData | string) | undefined {
  return readers.get(type)
}

/** UDP ports at which nodes take packets of each other. */
export function tunnelPorts(config: NetworkConfig): readonly number[] {
  return backendOf(config).tunnelPorts
}

function configured<T extends BackendType>(type: T, config: BackendByType[T]): Backend {
  return backends[type](config)
}
