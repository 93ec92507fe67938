import { addressToBytes, parseAddress } from '../../src/ip/index.ts'
import { internetChecksum } from '../../src/packet/index.ts'
import { ipv4 } from './frames.ts'

export const FLAGS = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const

export interface Segment {
  readonly from: string
  readonly to: string
  readonly sourcePort: number
  readonly targetPort: number
  readonly sequence: number
  readonly acknowledged: number
  readonly flags: number
  readonly payload: Uint8Array
}

const TCP = 6
const TCP_BYTES = 20

export const isTcp = (packet: Buffer): boolean => packet.readUInt8(9) === TCP

/** An IPv4 packet with a TCP segment in it, checksums right (RFC 9293 section 3.1). */
export function encodeSegment(segment: Segment): Buffer {
  const tcp = Buffer.alloc(TCP_BYTES + segment.payload.length)
  tcp.writeUInt16BE(segment.sourcePort, 0)
  tcp.writeUInt16BE(segment.targetPort, 2)
  tcp.writeUInt32BE(segment.sequence >>> 0, 4)
  tcp.writeUInt32BE(segment.acknowledged >>> 0, 8)
  tcp.writeUInt8((TCP_BYTES / 4) << 4, 12)
  tcp.writeUInt8(segment.flags, 13)
  tcp.writeUInt16BE(0xffff, 14)
  tcp.set(segment.payload, TCP_BYTES)
  tcp.writeUInt16BE(transportChecksum(segment.from, segment.to, TCP, tcp), 16)
  return ipv4(segment, TCP, tcp)
}

/** Reads a whole packet. @throws Error if a checksum or length is wrong: nobody after us would complete it */
export function decodeSegment(packet: Buffer): Segment & { readonly id: number; readonly ttl: number } {
  const header = packet.subarray(0, (packet.readUInt8(0) & 0xf) * 4)
  const tcp = packet.subarray(header.length)
  const [from, to] = [12, 16].map(at => [...packet.subarray(at, at + 4)].join('.')) as [string, string]
  if (packet.readUInt16BE(2) !== packet.length) throw new Error('the length of the packet is wrong')
  if (internetChecksum(header) !== 0) throw new Error('the checksum of the IPv4 header is wrong')
  if (packet.readUInt8(9) !== TCP || transportChecksum(from, to, TCP, tcp) !== 0)
    throw new Error('the checksum of the segment is wrong')
  return {
    from,
    to,
    id: packet.readUInt16BE(4),
    ttl: packet.readUInt8(8),
    sourcePort: tcp.readUInt16BE(0),
    targetPort: tcp.readUInt16BE(2),
    sequence: tcp.readUInt32BE(4),
    acknowledged: tcp.readUInt32BE(8),
    flags: tcp.readUInt8(13),
    payload: tcp.subarray((tcp.readUInt8(12) >> 4) * 4),
  }
}

function transportChecksum(from: string, to: string, protocol: number, transport: Uint8Array): number {
  const pseudo = Buffer.alloc(4)
  pseudo.writeUInt8(protocol, 1)
  pseudo.writeUInt16BE(transport.length, 2)
  const [source, target] = [from, to].map(address => addressToBytes(parseAddress(address)))
  return internetChecksum(Buffer.concat([source ?? pseudo, target ?? pseudo, pseudo, transport]))
}
