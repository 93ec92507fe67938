import { addressFromBytes, addressToBytes, formatAddress, parseAddress } from '../ip/index.ts'
import { internetChecksum } from './checksum.ts'

/** An IPv4 packet with a UDP datagram in it (RFC 791, RFC 768). */
export interface UdpIpv4 {
  readonly source: string
  readonly target: string
  readonly sourcePort: number
  readonly targetPort: number
  readonly payload: Uint8Array
}

const IP_BYTES = 20
const UDP_BYTES = 8
const UDP = 17
const TTL = 64
/** More fragments, or an offset. */
const FRAGMENT_BITS = 0x3fff

/** @throws IpError `ip.malformed` for an address that is none */
export function encodeUdpIpv4(packet: UdpIpv4): Uint8Array {
  const source = addressToBytes(parseAddress(packet.source))
  const target = addressToBytes(parseAddress(packet.target))
  const udp = encodeUdp(packet, source, target)
  const header = Buffer.alloc(IP_BYTES)
  header.writeUInt8(0x45, 0)
  header.writeUInt16BE(IP_BYTES + udp.length, 2)
  header.writeUInt8(TTL, 8)
  header.writeUInt8(UDP, 9)
  header.set(source, 12)
  header.set(target, 16)
  header.writeUInt16BE(internetChecksum(header), 10)
  return Buffer.concat([header, udp])
}

function encodeUdp(
  { sourcePort, targetPort, payload }: UdpIpv4,
  source: Uint8Array,
  target: Uint8Array,
): Uint8Array {
  const udp = Buffer.alloc(UDP_BYTES + payload.length)
  udp.writeUInt16BE(sourcePort, 0)
  udp.writeUInt16BE(targetPort, 2)
  udp.writeUInt16BE(udp.length, 4)
  udp.set(payload, UDP_BYTES)
  const checksum = internetChecksum(withPseudoHeader(udp, source, target))
  // 0 says that there is none; both are zero in ones' complement.
  udp.writeUInt16BE(checksum === 0 ? 0xffff : checksum, 6)
  return udp
}

/** Why bytes are not taken for a UDP datagram. */
export type PacketFault = 'truncated packet' | 'no UDP over IPv4' | 'fragment' | 'wrong checksum'

/**
 * Reads a packet from its IPv4 header on; what follows the length it states is padding.
 *
 * @param hasChecksum false for a packet that never left this machine: the kernel has not filled in UDP's yet
 */
export function decodeUdpIpv4(bytes: Uint8Array, hasChecksum: boolean): UdpIpv4 | PacketFault {
  if (bytes.length < IP_BYTES) return 'truncated packet'
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const first = all.readUInt8(0)
  if (first >> 4 !== 4 || all.readUInt8(9) !== UDP) return 'no UDP over IPv4'
  const headerBytes = (first & 0x0f) * 4
  const packetBytes = all.readUInt16BE(2)
  if (headerBytes < IP_BYTES || packetBytes < headerBytes + UDP_BYTES || packetBytes > bytes.length)
    return 'truncated packet'
  if ((all.readUInt16BE(6) & FRAGMENT_BITS) !== 0) return 'fragment'
  const header = all.subarray(0, headerBytes)
  if (internetChecksum(header) !== 0) return 'wrong checksum'
  return decodeUdp(all.subarray(headerBytes, packetBytes), header, hasChecksum)
}

function decodeUdp(bytes: Buffer, header: Buffer, hasChecksum: boolean): UdpIpv4 | PacketFault {
  const length = bytes.readUInt16BE(4)
  if (length < UDP_BYTES || length > bytes.length) return 'truncated packet'
  const udp = bytes.subarray(0, length)
  const [source, target] = [header.subarray(12, 16), header.subarray(16, 20)]
  const carriesChecksum = hasChecksum && udp.readUInt16BE(6) !== 0
  if (carriesChecksum && internetChecksum(withPseudoHeader(udp, source, target)) !== 0)
    return 'wrong checksum'
  return {
    source: formatAddress(addressFromBytes(source)),
    target: formatAddress(addressFromBytes(target)),
    sourcePort: udp.readUInt16BE(0),
    targetPort: udp.readUInt16BE(2),
    payload: udp.subarray(UDP_BYTES),
  }
}

function withPseudoHeader(udp: Uint8Array, source: Uint8Array, target: Uint8Array): Uint8Array {
  return Buffer.concat([source, target, Uint8Array.of(0, UDP, udp.length >> 8, udp.length & 0xff), udp])
}
