import {
  addressBits,
  contains,
  formatAddress,
  formatInterfaceAddress,
  nthAddress,
  parseAddress,
  parseInterfaceAddress,
} from '../ip/index.ts'
import type { AddressEntry } from '../kernel/index.ts'
import { addressConflict, invalidConfiguration } from './errors.ts'
import type { CniIp } from './result.ts'
import { uniqueEntries } from './unique-entries.ts'

/** An address of a pod, and the router it has. */
export interface RoutedIp extends CniIp {
  readonly gateway: string
}

/** The address with its gateway: the one address management named, else the first host of the subnet. */
export function withGateway(ip: CniIp): RoutedIp {
  const { address, prefix } = parseInterfaceAddress(ip.address)
  if (ip.gateway === undefined && prefix.length >= addressBits(prefix.family)) {
    throw invalidConfiguration(`${ip.address} leaves no room for a gateway: name one in ipam`)
  }
  const gateway = ip.gateway ?? formatAddress(nthAddress(prefix, 1n))
  if (gateway === formatAddress(address)) {
    throw invalidConfiguration(`${ip.address} is the gateway itself: the pod needs another address`)
  }
  return { ...ip, gateway }
}

/** The gateways as addresses of the bridge, each once. */
export function gatewayAddresses(ips: readonly CniIp[], link: string): readonly AddressEntry[] {
  const addresses = ips.flatMap(({ address, gateway }): AddressEntry[] => {
    if (gateway === undefined) return []
    const { length } = parseInterfaceAddress(address).prefix
    return [{ kind: 'address', link, address: formatInterfaceAddress(parseAddress(gateway), length) }]
  })
  return uniqueEntries(addresses)
}

/**
 * Which of the addresses the bridge has must go. IPv4 gateways stand alone on a bridge; for IPv6 only overlapping
 * subnets are in each other's way. Throws `attach.address-conflict` unless `force`.
 *
 * @param present addresses on the bridge that no entry of ours accounts for
 */
export function displacedAddresses(
  wanted: readonly AddressEntry[],
  present: readonly string[],
  link: string,
  force: boolean,
): readonly AddressEntry[] {
  const displaced: AddressEntry[] = []
  for (const text of present) {
    if (wanted.some(entry => entry.address === text)) continue
    const rival = wanted.find(entry => inTheWay(entry.address, text))
    if (rival === undefined) continue
    if (!force) throw addressConflict(link, text, rival.address)
    displaced.push({ kind: 'address', link, address: text })
  }
  return displaced
}

function inTheWay(wantedText: string, presentText: string): boolean {
  const wanted = parseInterfaceAddress(wantedText)
  const present = parseInterfaceAddress(presentText)
  if (wanted.address.family !== present.address.family) return false
  if (wanted.address.family === 4) return true
  return contains(wanted.prefix, present.address) || contains(present.prefix, wanted.address)
}
