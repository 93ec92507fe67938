import { familyOf, parseInterfaceAddress, tryParseAddress } from '../../ip/index.ts'
import type { AddressEntry, LinkEntry, ObservedEntry } from '../../kernel/index.ts'

/** The underlay as this node's kernel has it now. */
export interface Uplink {
  readonly device: string
  /** Bytes. */
  readonly mtu: number
  /** Every address of the device, with prefix length. */
  readonly addresses: readonly string[]
}

export interface WantedUplink {
  /** By name, whatever addresses it has. */
  readonly device?: string | undefined
  /** The node's address as its object tells. */
  readonly publicAddress?: string | undefined
  /** The device that was found before. */
  readonly former?: string | undefined
}

/**
 * Finds the underlay device: the one named, else the one that bears `publicAddress`, else the former one if it has
 * another address of that family now: the kubelet tells of a new one only some time later. Undefined while there is
 * none, as when the link is not configured yet; the caller asks again when the kernel's links or addresses change.
 */
export function findUplink(observed: Iterable<ObservedEntry>, wanted: WantedUplink): Uplink | undefined {
  const links: LinkEntry[] = []
  const addresses: AddressEntry[] = []
  for (const { entry } of observed) {
    if (entry.kind === 'link') links.push(entry)
    else if (entry.kind === 'address' && !isLinkLocal(entry.address)) addresses.push(entry)
  }
  const { publicAddress, former } = wanted
  const device =
    wanted.device ??
    addresses.find(entry => sameHost(entry.address, publicAddress))?.link ??
    addresses.find(entry => entry.link === former && sameFamily(entry.address, publicAddress))?.link
  const mtu = links.find(({ name }) => name === device)?.mtu
  if (device === undefined || mtu === undefined) return undefined
  const own = addresses.filter(entry => entry.link === device)
  return { device, mtu, addresses: own.map(entry => entry.address).sort() }
}

function sameFamily(interfaceAddress: string, address: string | undefined): boolean {
  return address !== undefined && familyOf(interfaceAddress) === familyOf(address)
}

function sameHost(interfaceAddress: string, address: string | undefined): boolean {
  const wanted = address === undefined ? undefined : tryParseAddress(address)
  if (wanted === undefined) return false
  const found = parseInterfaceAddress(interfaceAddress).address
  return found.family === wanted.family && found.value === wanted.value
}

/** fe80::/10 (RFC 4291 2.4). */
function isLinkLocal(interfaceAddress: string): boolean {
  const { address } = parseInterfaceAddress(interfaceAddress)
  return address.family === 6 && address.value >> 118n === 0x3fan
}
