import {
  type Address,
  addressBits,
  type Family,
  firstAddress,
  formatAddress,
  formatPrefix,
  type Prefix,
  prefixOf,
} from '../ip/index.ts'
import { malformed } from './errors.ts'
import type { Message } from './messages.ts'

/** Address families (linux/socket.h) and how prefixes are split between header and attribute. */

export const AF_UNSPEC = 0
export const AF_INET = 2
export const AF_BRIDGE = 7
export const AF_INET6 = 10

export function addressFamilyNumber(family: Family): number {
  return family === 4 ? AF_INET : AF_INET6
}

/**
 * True for messages about IPv4 and IPv6. A dump of all families has those of others too, such as multicast routing
 * (128, 129) and MPLS, which are not decoded here.
 */
export function isIp(message: Message): boolean {
  return message.body[0] === AF_INET || message.body[0] === AF_INET6
}

/** @throws NetlinkError `netlink.malformed` for a family that is not IP */
export function familyOf(number: number, what: string): Family {
  if (number === AF_INET) return 4
  if (number === AF_INET6) return 6
  throw malformed(what, `address family ${number}`)
}

export function checkPrefixLength(length: number, family: Family, what: string): number {
  const bits = addressBits(family)
  if (length > bits) throw malformed(what, `prefix length ${length} is above ${bits}`)
  return length
}

/** The address for the attribute of a prefix; undefined for a default route's, which is left out. */
export function prefixAttribute(prefix: Prefix): Address | undefined {
  return prefix.length === 0 ? undefined : firstAddress(prefix)
}

/** The text of a prefix whose length stood in the header and whose address, unless it is zero, in an attribute. */
export function prefixText(
  family: Family,
  length: number,
  address: Address | undefined,
  what: string,
): string {
  checkPrefixLength(length, family, what)
  if (address !== undefined && address.family !== family) {
    throw malformed(what, `address ${formatAddress(address)} in a message of IPv${family}`)
  }
  return formatPrefix(prefixOf(address ?? { family, value: 0n }, length))
}
