export { decodeWireguardPart, joinWireguardDevice, type WireguardDevice } from './device.ts'
export type { WireguardEndpoint } from './endpoint.ts'
export type { WireguardPeer } from './peer.ts'
export {
  getWireguardDevice,
  setWireguardDevice,
  WIREGUARD_FAMILY,
  type WireguardDeviceSpec,
  type WireguardPeerSpec,
} from './requests.ts'
