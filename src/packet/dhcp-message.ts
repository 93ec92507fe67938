import {
  addressFromBytes,
  addressToBytes,
  formatAddress,
  macFromBytes,
  macToBytes,
  parseAddress,
} from '../ip/index.ts'
import { DHCP_OPTION, type DhcpOptions, decodeOptions, encodeOptions } from './dhcp-options.ts'

/** In the order of their numbers, from 1 (RFC 2132, section 9.6). */
const TYPES = ['discover', 'offer', 'request', 'decline', 'ack', 'nak', 'release', 'inform'] as const

export type DhcpMessageType = (typeof TYPES)[number]

/** A message of DHCP over Ethernet (RFC 2131, section 2). */
export interface DhcpMessage {
  readonly op: 'request' | 'reply'
  readonly type: DhcpMessageType
  /** xid, 32 bits. */
  readonly transaction: number
  /** Since the client began, at most 65535. */
  readonly seconds: number
  /** Answers are to be broadcast, as the client cannot be reached otherwise. */
  readonly broadcast: boolean
  /** ciaddr: the address that the client has; 0.0.0.0 if none. */
  readonly clientAddress: string
  /** yiaddr: the address that it is given. */
  readonly yourAddress: string
  /** chaddr. */
  readonly mac: string
  /** All but the message type. */
  readonly options: DhcpOptions
}

/** Why bytes are not taken for a message. */
export type DhcpFault =
  | 'truncated message'
  | 'message too long'
  | 'no DHCP message'
  | 'other hardware'
  | 'broken options'

const FIXED_BYTES = 236
const COOKIE = 0x63825363
/** What BOOTP relays and servers insist on (RFC 1542, section 2.1). */
const LEAST_BYTES = 300
/** No honest server sends more than a jumbo frame holds. */
const MOST_BYTES = 9_000
const ETHERNET = 1
const BROADCAST_FLAG = 0x8000
const NAME = { at: 44, end: 108 } as const
const FILE = { at: 108, end: FIXED_BYTES } as const

/** @throws IpError `ip.malformed` for an address or MAC that is none */
export function encodeDhcp(message: DhcpMessage): Uint8Array {
  const fixed = Buffer.alloc(FIXED_BYTES + 4)
  fixed.writeUInt8(message.op === 'request' ? 1 : 2, 0)
  fixed.writeUInt8(ETHERNET, 1)
  fixed.writeUInt8(6, 2)
  fixed.writeUInt32BE(message.transaction, 4)
  fixed.writeUInt16BE(message.seconds, 8)
  fixed.writeUInt16BE(message.broadcast ? BROADCAST_FLAG : 0, 10)
  fixed.set(addressToBytes(parseAddress(message.clientAddress)), 12)
  fixed.set(addressToBytes(parseAddress(message.yourAddress)), 16)
  fixed.set(macToBytes(message.mac), 28)
  fixed.writeUInt32BE(COOKIE, FIXED_BYTES)
  const type = Uint8Array.of(TYPES.indexOf(message.type) + 1)
  const options = encodeOptions(new Map([[DHCP_OPTION.messageType, type], ...message.options]))
  const padding = Math.max(0, LEAST_BYTES - fixed.length - options.length)
  return Buffer.concat([fixed, options, new Uint8Array(padding)])
}

export function decodeDhcp(bytes: Uint8Array): DhcpMessage | DhcpFault {
  if (bytes.length < FIXED_BYTES + 4) return 'truncated message'
  if (bytes.length > MOST_BYTES) return 'message too long'
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const op = all.readUInt8(0)
  if ((op !== 1 && op !== 2) || all.readUInt32BE(FIXED_BYTES) !== COOKIE) return 'no DHCP message'
  if (all.readUInt8(1) !== ETHERNET || all.readUInt8(2) !== 6) return 'other hardware'
  const options = allOptions(all)
  if (options === undefined) return 'broken options'
  const type = typeOf(options.get(DHCP_OPTION.messageType))
  if (type === undefined) return 'no DHCP message'
  options.delete(DHCP_OPTION.messageType)
  return {
    op: op === 1 ? 'request' : 'reply',
    type,
    transaction: all.readUInt32BE(4),
    seconds: all.readUInt16BE(8),
    broadcast: (all.readUInt16BE(10) & BROADCAST_FLAG) !== 0,
    clientAddress: formatAddress(addressFromBytes(all.subarray(12, 16))),
    yourAddress: formatAddress(addressFromBytes(all.subarray(16, 20))),
    mac: macFromBytes(all.subarray(28, 34)),
    options,
  }
}

/** With those in the fields `file` and `sname`, if option 52 says so, in that order (RFC 3396, section 5). */
function allOptions(all: Buffer): Map<number, Uint8Array> | undefined {
  const own = all.subarray(FIXED_BYTES + 4)
  const overload = decodeOptions([own])?.get(DHCP_OPTION.overload)?.[0] ?? 0
  const areas = [own]
  if (overload === 1 || overload === 3) areas.push(all.subarray(FILE.at, FILE.end))
  if (overload === 2 || overload === 3) areas.push(all.subarray(NAME.at, NAME.end))
  const options = decodeOptions(areas)
  options?.delete(DHCP_OPTION.overload)
  return options
}

function typeOf(value: Uint8Array | undefined): DhcpMessageType | undefined {
  return value?.length === 1 ? TYPES[(value[0] ?? 0) - 1] : undefined
}
