import { addressToBytes, macToBytes, parseAddress } from '../../src/ip/index.ts'

/** Frames byte by byte: what an honest kernel would not send. Checksums of IPv4 are right, others are not filled in. */

export const BROADCAST = 'ff:ff:ff:ff:ff:ff'

export interface Ends {
  readonly from: string
  readonly to: string
}

/** IEEE 802.3; `tags` are VLAN headers: ether type and VLAN. */
export function ethernet(
  { from, to }: Ends,
  type: number,
  payload: Uint8Array,
  tags: readonly (readonly [type: number, vlan: number])[] = [],
): Buffer {
  const headers = tags.map(([tag, vlan]) => be(2, tag, vlan))
  const frame = Buffer.concat([macToBytes(to), macToBytes(from), ...headers, be(2, type), payload])
  // The shortest there is.
  return Buffer.concat([frame, new Uint8Array(Math.max(0, 60 - frame.length))])
}

/** RFC 826: `operation` 1 asks, 2 answers. */
export function arp(
  operation: number,
  sender: Ends & { readonly mac: string },
  targetMac = BROADCAST,
): Buffer {
  return Buffer.concat([
    be(2, 1, 0x0800),
    Uint8Array.of(6, 4),
    be(2, operation),
    macToBytes(sender.mac),
    bytes(sender.from),
    macToBytes(targetMac),
    bytes(sender.to),
  ])
}

/** RFC 791; options are filled up to words. */
export function ipv4(
  ends: Ends,
  protocol: number,
  payload: Uint8Array,
  rest: { readonly options?: Uint8Array; readonly moreFragments?: boolean } = {},
): Buffer {
  const given = rest.options ?? new Uint8Array()
  const options = Buffer.concat([given, new Uint8Array((4 - (given.length % 4)) % 4)])
  const words = 5 + options.length / 4
  const header = Buffer.concat([
    Uint8Array.of(0x40 | words, 0),
    be(2, words * 4 + payload.length, 1, rest.moreFragments === true ? 0x2000 : 0),
    Uint8Array.of(64, protocol, 0, 0),
    bytes(ends.from),
    bytes(ends.to),
    options,
  ])
  header.writeUInt16BE(checksum(header), 10)
  return Buffer.concat([header, payload])
}

/** RFC 8200. */
export function ipv6(ends: Ends, nextHeader: number, payload: Uint8Array): Buffer {
  const rest = [Uint8Array.of(nextHeader, 255), bytes(ends.from), bytes(ends.to), payload]
  return Buffer.concat([be(4, 0x6000_0000), be(2, payload.length), ...rest])
}

/** Hop-by-hop options with nothing in them, before `nextHeader`. */
export function hopByHop(nextHeader: number, payload: Uint8Array): Buffer {
  return Buffer.concat([Uint8Array.of(nextHeader, 0, 1, 4, 0, 0, 0, 0), payload])
}

export function udp(source: number, destination: number): Buffer {
  return be(2, source, destination, 16, 0, 0, 0, 0, 0)
}

/** A message of ICMP or ICMPv6; of neighbours, about `target`. */
export function icmp(type: number, target?: string): Buffer {
  const body = target === undefined ? new Uint8Array(16) : bytes(target)
  return Buffer.concat([Uint8Array.of(type, 0, 0, 0), be(4, 0), body])
}

function bytes(address: string): Uint8Array {
  return addressToBytes(parseAddress(address))
}

function be(length: 2 | 4, ...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(length * values.length)
  for (const [i, value] of values.entries()) buffer.writeUIntBE(value, i * length, length)
  return buffer
}

/** RFC 1071. */
function checksum(header: Buffer): number {
  let sum = 0
  for (let at = 0; at < header.length; at += 2) sum += header.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
