import {
  addressFromBytes,
  addressToBytes,
  formatAddress,
  macFromBytes,
  macToBytes,
  parseAddress,
} from '../../ip/index.ts'
import { text } from '../attribute-codecs.ts'
import { ByteReader } from '../byte-reader.ts'
import { ByteWriter } from '../byte-writer.ts'
import { invalidValue, malformed } from '../errors.ts'
import type { ByteOrder } from './userdata.ts'

/**
 * What set keys and values are made of. The kernel knows only lengths; the ids tell `nft` how to print them
 * (`enum datatypes` of nftables' datatype.h). A number is a type that this table lacks.
 */
export type Datatype =
  | 'ipv4_addr'
  | 'ipv6_addr'
  | 'ether_addr'
  | 'ether_type'
  | 'inet_proto'
  | 'inet_service'
  | 'mark'
  | 'iface_index'
  | 'ifname'
  | number

interface DatatypeTraits {
  readonly id: number
  /** Bytes. */
  readonly length: number
  readonly byteOrder: ByteOrder
  /** @throws PodlaceError for text that is no value of the type */
  parse(value: string): Uint8Array
  format(bytes: Uint8Array): string
}

const IFNAMSIZ = 16

const datatypes: Readonly<Record<Exclude<Datatype, number>, DatatypeTraits>> = {
  ipv4_addr: { id: 7, length: 4, byteOrder: 'big', parse: addressBytes(4), format: addressText },
  ipv6_addr: { id: 8, length: 16, byteOrder: 'big', parse: addressBytes(6), format: addressText },
  ether_addr: { id: 9, length: 6, byteOrder: 'big', parse: macToBytes, format: macFromBytes },
  ether_type: { id: 10, length: 2, byteOrder: 'big', parse: bigEndian16, format: hex16 },
  inet_proto: { id: 12, length: 1, byteOrder: 'big', parse: protocolBytes, format: protocolText },
  inet_service: { id: 13, length: 2, byteOrder: 'big', parse: bigEndian16, format: decimal16 },
  mark: { id: 19, length: 4, byteOrder: 'host', parse: host32, format: hex32 },
  iface_index: { id: 20, length: 4, byteOrder: 'host', parse: host32, format: decimal32 },
  ifname: { id: 41, length: IFNAMSIZ, byteOrder: 'host', parse: nameBytes, format: nameText },
}

const byId = new Map(Object.entries(datatypes).map(([name, { id }]) => [id, name as Datatype]))

/** @throws NetlinkError `netlink.invalid-value` for a type that is only a number */
export function traitsOf(type: Datatype): DatatypeTraits {
  if (typeof type === 'number') throw invalidValue('a set', `datatype ${type} has no known length`)
  return datatypes[type]
}

/** Undefined for a type that is only a number. */
export function knownTraits(type: Datatype): DatatypeTraits | undefined {
  return typeof type === 'number' ? undefined : datatypes[type]
}

/** A concatenation's id has six bits for each of its parts (TYPE_BITS). */
const CONCAT_BITS = 6

export function datatypesId(types: readonly Datatype[]): number {
  return types.reduce<number>((id, type) => (id << CONCAT_BITS) | traitsOf(type).id, 0)
}

/** Zero is a key that its creator did not describe. */
export function datatypesFromId(id: number): Datatype[] {
  const types: Datatype[] = []
  for (let rest = id >>> 0; rest > 0; rest >>>= CONCAT_BITS) {
    const part = rest & ((1 << CONCAT_BITS) - 1)
    types.unshift(byId.get(part) ?? part)
  }
  return types
}

function addressBytes(family: 4 | 6): (value: string) => Uint8Array {
  return value => {
    const address = parseAddress(value)
    if (address.family !== family) throw invalidValue(`an IPv${family} address`, value)
    return addressToBytes(address)
  }
}

function addressText(bytes: Uint8Array): string {
  return formatAddress(addressFromBytes(bytes))
}

/** IPPROTO_* by the names that `nft` prints; others are numbers. */
const protocolNumbers: ReadonlyMap<string, number> = new Map([
  ['icmp', 1],
  ['tcp', 6],
  ['udp', 17],
  ['esp', 50],
  ['ah', 51],
  ['ipv6-icmp', 58],
  ['sctp', 132],
])
const protocolNames = new Map([...protocolNumbers].map(([name, number]) => [number, name]))

function protocolBytes(value: string): Uint8Array {
  return Uint8Array.of(protocolNumbers.get(value) ?? number(value, 0xff))
}

function protocolText(bytes: Uint8Array): string {
  const value = ByteReader.over(bytes).u8()
  return protocolNames.get(value) ?? String(value)
}

function number(value: string, max: number): number {
  if (!/^(0x[0-9a-fA-F]{1,8}|\d{1,10})$/.test(value)) throw invalidValue('a number', `"${value}"`)
  const result = Number(value)
  if (result > max) throw invalidValue('a number', `${value} is above ${max}`)
  return result
}

function bigEndian16(value: string): Uint8Array {
  const result = number(value, 0xffff)
  return Uint8Array.of(result >> 8, result)
}

function host32(value: string): Uint8Array {
  return new ByteWriter(4).u32(number(value, 0xffff_ffff)).finish()
}

function hex16(bytes: Uint8Array): string {
  return `0x${ByteReader.over(bytes).be16().toString(16)}`
}

function decimal16(bytes: Uint8Array): string {
  return String(ByteReader.over(bytes).be16())
}

function hex32(bytes: Uint8Array): string {
  return `0x${ByteReader.over(bytes).u32().toString(16)}`
}

function decimal32(bytes: Uint8Array): string {
  return String(ByteReader.over(bytes).u32())
}

function nameBytes(value: string): Uint8Array {
  const bytes = new Uint8Array(IFNAMSIZ)
  const name = Buffer.from(value)
  if (name.length === 0 || name.length >= IFNAMSIZ) throw invalidValue('an interface name', `"${value}"`)
  bytes.set(name)
  return bytes
}

function nameText(bytes: Uint8Array): string {
  if (bytes.length !== IFNAMSIZ) throw malformed('an interface name', `${bytes.length} bytes`)
  return text.read(ByteReader.over(bytes))
}
