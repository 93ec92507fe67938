import { contains, type Family, familyOf, parseAddress, parsePrefix } from '../ip/index.ts'
import type { Uplink } from './node.ts'

/** RFC 1918 and RFC 4193: reachable inside a site only. */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'].map(parsePrefix)

/**
 * Over which family a peer that has both is likely to be reached, as flannel chooses: IPv4 if its address is public,
 * since whatever has IPv4 gets there, by NAT if need be; IPv6 if both ends are public; else IPv4.
 *
 * @param addresses of the peer, one of each family
 */
export function preferredFamily({ publicAddress6 }: Uplink, addresses: readonly string[]): Family {
  const isPublic = (family: Family) =>
    addresses.some(address => familyOf(address) === family && !isPrivate(address))
  if (isPublic(4)) return 4
  return isPublic(6) && publicAddress6 !== undefined && !isPrivate(publicAddress6) ? 6 : 4
}

function isPrivate(text: string): boolean {
  const address = parseAddress(text)
  return PRIVATE.some(prefix => contains(prefix, address))
}
