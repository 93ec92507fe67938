import {
  formatAddress,
  formatInterfaceAddress,
  type Address as IpAddress,
  parseInterfaceAddress,
} from '../ip/index.ts'
import { cacheInfo } from './address-lifetimes.ts'
import { binaryAddress, ipAddress, text, u8, u32 } from './attribute-codecs.ts'
import { attributeTable } from './attributes.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { malformed } from './errors.ts'
import { addressFamilyNumber, checkPrefixLength, familyOf, isIp } from './families.ts'
import {
  type Message,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  type Request,
} from './messages.ts'
import { type RouteScope, routeScopes } from './route-names.ts'

/** Interface addresses: RTM_NEWADDR... (linux/rtnetlink.h), IFA_* (linux/if_addr.h); `ip address`. */

export const RTM_NEWADDR = 20
export const RTM_DELADDR = 21
export const RTM_GETADDR = 22

export const IFA_F_NODAD = 0x02
export const IFA_F_DADFAILED = 0x08
export const IFA_F_TENTATIVE = 0x40
export const IFA_F_PERMANENT = 0x80
export const IFA_F_NOPREFIXROUTE = 0x200

export interface Address {
  readonly linkIndex: number
  /** The local address with its prefix length: `10.244.1.1/24`. */
  readonly address: string
  /** The other end, with the prefix length that then counts, on point-to-point links: `10.0.0.2/32`. */
  readonly peer?: string
  readonly broadcast?: string
  readonly label?: string
  readonly scope: RouteScope
  /** IFA_F_*, all 32 bits. */
  readonly flags: number
  /** IFAPROT_* or the creator's own number (IFA_PROTO, kernel 5.18). */
  readonly protocol?: number
  /** Seconds; absent is for ever. */
  readonly preferredLifetimeS?: number
  readonly validLifetimeS?: number
}

/** To add one, scope and flags may be left out: universe (`host` for loopback addresses) and none. */
export type AddressSpec = Pick<Address, 'linkIndex' | 'address'> & Partial<Address>

export const addressFields = {
  address: [1, 'IFA_ADDRESS', binaryAddress],
  local: [2, 'IFA_LOCAL', binaryAddress],
  label: [3, 'IFA_LABEL', text],
  broadcast: [4, 'IFA_BROADCAST', ipAddress],
  lifetimes: [6, 'IFA_CACHEINFO', cacheInfo],
  flags: [8, 'IFA_FLAGS', u32],
  protocol: [11, 'IFA_PROTO', u8],
} as const

const attributes = attributeTable(addressFields)

export function encodeAddress(address: AddressSpec): Uint8Array {
  const local = parseInterfaceAddress(address.address)
  const peer = address.peer === undefined ? local : parseInterfaceAddress(address.peer)
  const flags = address.flags ?? 0
  const writer = new ByteWriter()
  writer
    .u8(addressFamilyNumber(local.prefix.family))
    .u8(peer.prefix.length)
    .u8(flags & 0xff)
  writer.u8(routeScopes.toNumber(address.scope ?? defaultScope(local.address)))
  writer.u32(address.linkIndex)
  const { preferredLifetimeS, validLifetimeS } = address
  const isForEver = validLifetimeS === undefined && preferredLifetimeS === undefined
  attributes.write(writer, {
    local: local.address,
    address: peer.address,
    label: address.label,
    broadcast: address.broadcast,
    // The header has room for eight of the flags.
    flags: flags > 0xff ? flags : undefined,
    protocol: address.protocol,
    lifetimes: isForEver ? undefined : { preferredLifetimeS, validLifetimeS },
  })
  return writer.finish()
}

/** As `ip address add` does it: 127.0.0.0/8 and ::1 are of scope host. */
function defaultScope(address: IpAddress): RouteScope {
  const loopback = address.family === 4 ? address.value >> 24n === 127n : address.value === 1n
  return loopback ? 'host' : 'universe'
}

/** @throws NetlinkError `netlink.malformed` */
export function decodeAddress(message: Message): Address {
  if (message.type !== RTM_NEWADDR && message.type !== RTM_DELADDR) {
    throw malformed('an interface address', `message type ${message.type}`)
  }
  const reader = ByteReader.over(message.body)
  const family = familyOf(reader.u8(), 'an interface address')
  const length = checkPrefixLength(reader.u8(), family, 'an interface address')
  const headerFlags = reader.u8()
  const scope = routeScopes.toName(reader.u8())
  const linkIndex = reader.u32()
  const found = attributes.read(reader)
  // IPv6 gives only IFA_ADDRESS where there is no peer; IPv4 gives both.
  const local = found.local ?? found.address
  if (local === undefined) throw malformed('an interface address', 'it has no IFA_ADDRESS')
  const { address: other = local } = found
  for (const one of [local, other]) {
    if (one.family !== family)
      throw malformed('an interface address', `${formatAddress(one)} is not IPv${family}`)
  }
  const { preferredLifetimeS, validLifetimeS } = found.lifetimes ?? {}
  return {
    linkIndex,
    address: formatInterfaceAddress(local, length),
    ...(other.value === local.value ? {} : { peer: formatInterfaceAddress(other, length) }),
    ...(found.broadcast === undefined ? {} : { broadcast: found.broadcast }),
    ...(found.label === undefined ? {} : { label: found.label }),
    scope,
    flags: found.flags ?? headerFlags,
    ...(found.protocol === undefined ? {} : { protocol: found.protocol }),
    ...(preferredLifetimeS === undefined ? {} : { preferredLifetimeS }),
    ...(validLifetimeS === undefined ? {} : { validLifetimeS }),
  }
}

/** `ip address add`. Refused with EEXIST if the link has it. */
export function addAddress(address: AddressSpec): Request {
  return change('add', NLM_F_CREATE | NLM_F_EXCL, address)
}

/** `ip address replace`. */
export function replaceAddress(address: AddressSpec): Request {
  return change('replace', NLM_F_CREATE | NLM_F_REPLACE, address)
}

/** `ip address delete`. EADDRNOTAVAIL if the link does not have it. */
export function deleteAddress(address: AddressSpec): Request {
  return { ...change('delete', 0, address), type: RTM_DELADDR }
}

function change(verb: string, flags: number, address: AddressSpec): Request {
  const what = `${verb} address ${address.address} on link ${address.linkIndex}`
  return { type: RTM_NEWADDR, flags, body: encodeAddress(address), what }
}

/** `ip address show [dev]`, for `NetlinkClient.dump`; the kernel filters. */
export function listAddresses(
  filter: { readonly family?: 4 | 6; readonly linkIndex?: number } = {},
): Request {
  const family = filter.family === undefined ? 0 : addressFamilyNumber(filter.family)
  const body = new ByteWriter()
    .u8(family)
    .zeros(3)
    .u32(filter.linkIndex ?? 0)
    .finish()
  return { type: RTM_GETADDR, flags: NLM_F_DUMP, body, keeps: isIp, what: 'list addresses' }
}
