import {
  type Address,
  addressFromBytes,
  addressToBytes,
  colonSeparated,
  formatAddress,
  macToBytes,
  parseAddress,
} from '../ip/index.ts'
import type { AttributeCodec } from './attributes.ts'
import { malformed } from './errors.ts'

/** Payload codecs that more than one object uses (NLA_U8 ... NLA_BINARY of the kernel's net/netlink.h). */

export const u8: AttributeCodec<number> = {
  write: (writer, value) => void writer.u8(value),
  read: payload => payload.u8(),
}

export const u16: AttributeCodec<number> = {
  write: (writer, value) => void writer.u16(value),
  read: payload => payload.u16(),
}

export const u32: AttributeCodec<number> = {
  write: (writer, value) => void writer.u32(value),
  read: payload => payload.u32(),
}

export const i32: AttributeCodec<number> = {
  write: (writer, value) => void writer.i32(value),
  read: payload => payload.i32(),
}

export const u64: AttributeCodec<bigint> = {
  write: (writer, value) => void writer.u64(value),
  read: payload => payload.u64(),
}

export const be16: AttributeCodec<number> = {
  write: (writer, value) => void writer.be16(value),
  read: payload => payload.be16(),
}

export const be32: AttributeCodec<number> = {
  write: (writer, value) => void writer.be32(value),
  read: payload => payload.be32(),
}

export const be64: AttributeCodec<bigint> = {
  write: (writer, value) => void writer.be64(value),
  read: payload => payload.be64(),
}

/** A u8 that is 0 or 1. */
export const boolean8: AttributeCodec<boolean> = {
  write: (writer, value) => void writer.u8(value ? 1 : 0),
  read: payload => payload.u8() !== 0,
}

/** NLA_FLAG: true is an empty attribute, false is none. */
export const flag: AttributeCodec<boolean> = {
  write: () => undefined,
  read: () => true,
  omits: value => !value,
}

/** NUL-terminated text. What follows the first NUL is not part of it; broken UTF-8 becomes U+FFFD. */
export const text: AttributeCodec<string> = {
  write: (writer, value) => void writer.text(value).u8(0),
  read: payload => payload.text(),
}

/** Text without a terminator, as `ip link set alias` writes it. */
export const bareText: AttributeCodec<string> = {
  write: (writer, value) => void writer.text(value),
  read: text.read,
}

export const binary: AttributeCodec<Uint8Array> = {
  write: (writer, value) => void writer.bytes(value),
  read: payload => payload.bytes(),
}

/** An IPv4 or IPv6 address; which one, the length says. */
export const binaryAddress: AttributeCodec<Address> = {
  write: (writer, value) => void writer.bytes(addressToBytes(value)),
  read(payload) {
    const bytes = payload.borrow()
    if (bytes.length !== 4 && bytes.length !== 16) throw malformed('an IP address', `${bytes.length} bytes`)
    return addressFromBytes(bytes)
  },
}

/** The same as canonical text. */
export const ipAddress: AttributeCodec<string> = {
  write: (writer, value) => binaryAddress.write(writer, parseAddress(value)),
  read: payload => formatAddress(binaryAddress.read(payload)),
}

/**
 * A link-layer address as colon-separated octets. Written are Ethernet's six; read is whatever length the link
 * type has (tunnels carry their IP address here).
 */
export const hardwareAddress: AttributeCodec<string> = {
  write: (writer, value) => void writer.bytes(macToBytes(value)),
  read: payload => colonSeparated(payload.borrow()),
}
