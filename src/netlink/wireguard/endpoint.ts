import { addressFromBytes, addressToBytes, formatAddress, parseAddress } from '../../ip/index.ts'
import type { AttributeCodec } from '../attributes.ts'
import { malformed } from '../errors.ts'
import { AF_INET, AF_INET6 } from '../families.ts'

/** Where a peer's packets go: an address of the underlay and a UDP port. */
export interface WireguardEndpoint {
  readonly address: string
  /** 1 to 65535. */
  readonly port: number
}

/** `struct sockaddr_in` (linux/in.h, 16 bytes) or `sockaddr_in6` (linux/in6.h, 28 bytes, no scope). */
export const endpoint: AttributeCodec<WireguardEndpoint> = {
  write(writer, { address, port }) {
    const parsed = parseAddress(address)
    const bytes = addressToBytes(parsed)
    if (parsed.family === 4) writer.u16(AF_INET).be16(port).bytes(bytes).zeros(8)
    else writer.u16(AF_INET6).be16(port).u32(0).bytes(bytes).u32(0)
  },
  read(payload) {
    const family = payload.u16()
    const port = payload.be16()
    if (family !== AF_INET && family !== AF_INET6) throw malformed('an endpoint', `address family ${family}`)
    const bytes = family === AF_INET ? payload.bytes(4) : payload.skip(4).bytes(16)
    return { address: formatAddress(addressFromBytes(bytes)), port }
  },
}
