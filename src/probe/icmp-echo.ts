import { internetChecksum } from '../packet/index.ts'

/** An ICMP echo request or reply: RFC 792 for IPv4, RFC 4443 section 4 for IPv6. */
export interface IcmpEcho {
  readonly reply: boolean
  /** 0 to 65535: whose ping it is. */
  readonly identifier: number
  /** 0 to 65535. */
  readonly sequence: number
  readonly data: Uint8Array
}

const HEADER_BYTES = 8
const REQUEST = { 4: 8, 6: 128 } as const
const REPLY = { 4: 0, 6: 129 } as const

/** The ICMP message. For IPv6 the checksum is left to the kernel, which alone knows the source address. */
export function encodeIcmpEcho(echo: IcmpEcho, family: 4 | 6): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + echo.data.length)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, echo.reply ? REPLY[family] : REQUEST[family])
  view.setUint16(4, echo.identifier)
  view.setUint16(6, echo.sequence)
  bytes.set(echo.data, HEADER_BYTES)
  if (family === 4) view.setUint16(2, internetChecksum(bytes))
  return bytes
}

/**
 * Undefined if the bytes are no echo message, or (IPv4) its checksum is wrong. A raw IPv4 socket delivers the IP
 * header too, a ping socket does not; both are understood.
 */
export function decodeIcmpEcho(bytes: Uint8Array, family: 4 | 6): IcmpEcho | undefined {
  const message = family === 4 ? withoutIpv4Header(bytes) : bytes
  if (message.length < HEADER_BYTES) return undefined
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
  const type = view.getUint8(0)
  if ((type !== REQUEST[family] && type !== REPLY[family]) || view.getUint8(1) !== 0) return undefined
  if (family === 4 && internetChecksum(message) !== 0) return undefined
  return {
    reply: type === REPLY[family],
    identifier: view.getUint16(4),
    sequence: view.getUint16(6),
    data: new Uint8Array(message.subarray(HEADER_BYTES)),
  }
}

/** An echo's type is 0 or 8, so a first byte of 0x45 and more can only be IP version 4 with its header length. */
function withoutIpv4Header(bytes: Uint8Array): Uint8Array {
  const first = bytes[0] ?? 0
  return first >> 4 === 4 ? bytes.subarray((first & 0x0f) * 4) : bytes
}
