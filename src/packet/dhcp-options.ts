/** Option codes of DHCP (RFC 2132 unless said otherwise): those that are read or written by name. */
export const DHCP_OPTION = {
  subnetMask: 1,
  routers: 3,
  nameServers: 6,
  hostName: 12,
  domainName: 15,
  staticRoutes: 33,
  requestedAddress: 50,
  leaseTime: 51,
  overload: 52,
  messageType: 53,
  serverIdentifier: 54,
  parameterRequestList: 55,
  message: 56,
  maximumMessageSize: 57,
  renewalTime: 58,
  rebindingTime: 59,
  vendorClass: 60,
  clientIdentifier: 61,
  /** RFC 3004 */
  userClass: 77,
  /** RFC 3397 */
  domainSearch: 119,
  /** RFC 3442 */
  classlessRoutes: 121,
} as const

const PAD = 0
const END = 255

/** Options by code; the parts of one that was split are joined (RFC 3396). */
export type DhcpOptions = ReadonlyMap<number, Uint8Array>

/** Every part has at most 255 bytes, as its length is one; the end is marked. */
export function encodeOptions(options: DhcpOptions): Uint8Array {
  const parts: Uint8Array[] = []
  for (const [code, value] of options) {
    let at = 0
    do {
      const part = value.subarray(at, at + 255)
      parts.push(Uint8Array.of(code, part.length), part)
      at += part.length
    } while (at < value.length)
  }
  return Buffer.concat([...parts, Uint8Array.of(END)])
}

/** Reads the areas one after another. Undefined if an option does not end in its area. */
export function decodeOptions(areas: readonly Uint8Array[]): Map<number, Uint8Array> | undefined {
  const options = new Map<number, Uint8Array>()
  for (const area of areas) {
    for (let at = 0; at < area.length && area[at] !== END; ) {
      const code = area[at] ?? END
      at += 1
      if (code === PAD) continue
      const end = at + 1 + (area[at] ?? Number.POSITIVE_INFINITY)
      if (end > area.length) return undefined
      const part = area.subarray(at + 1, end)
      const before = options.get(code)
      options.set(code, before === undefined ? part : Buffer.concat([before, part]))
      at = end
    }
  }
  return options
}
