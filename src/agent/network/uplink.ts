import { parseInterfaceAddress, tryParseAddress } from '../../ip/index.ts'
import type { ObservedEntry } from '../../kernel/index.ts'

/** The underlay as this node's kernel has it now. */
export interface Uplink {
  readonly device: string
  /** Bytes. */
  readonly mtu: number
  /** Every address of the device, with prefix length. */
  readonly addresses: readonly string[]
}

/**
 * Finds the underlay device: the one named, else the one that bears `publicAddress`. Undefined while there is none,
 * as when the link is not configured yet; the caller asks again when the kernel's links or addresses change.
 */
export function findUplink(
  observed: Iterable<ObservedEntry>,
  wanted: { readonly device?: string | undefined; readonly publicAddress?: string | undefined },
): Uplink | undefined {
  const all = Array.from(observed, ({ entry }) => entry).filter(
    ({ kind }) => kind === 'link' || kind === 'address',
  )
  const addresses = all.filter(entry => entry.kind === 'address')
  const device = wanted.device ?? addresses.find(entry => sameHost(entry.address, wanted.publicAddress))?.link
  const link = all.find(entry => entry.kind === 'link' && entry.name === device)
  if (device === undefined || link?.kind !== 'link' || link.mtu === undefined) return undefined
  const own = addresses.filter(entry => entry.link === device && !isLinkLocal(entry.address))
  return { device, mtu: link.mtu, addresses: own.map(entry => entry.address).sort() }
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
