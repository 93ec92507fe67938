/** What is on the wire, as plain values: pure codecs of protocol headers. */
export { internetChecksum } from './checksum.ts'
export {
  type DhcpFault,
  type DhcpMessage,
  type DhcpMessageType,
  decodeDhcp,
  encodeDhcp,
} from './dhcp-message.ts'
export { DHCP_OPTION, type DhcpOptions } from './dhcp-options.ts'
export {
  type DhcpRoute,
  readAddress,
  readAddresses,
  readClasslessRoutes,
  readDomain,
  readDomainSearch,
  readNumber,
  readPrefixLength,
  readStaticRoutes,
  readText,
} from './dhcp-values.ts'
export { decodeUdpIpv4, encodeUdpIpv4, type PacketFault, type UdpIpv4 } from './udp-ipv4.ts'
