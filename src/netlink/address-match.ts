import {
  addressFromBytes,
  addressToBytes,
  formatPrefix,
  parseAddress,
  parsePrefix,
  prefixOf,
} from '../ip/index.ts'
import type { AttributeCodec } from './attributes.ts'

/** What a `u32` filter looks at: `struct tc_u32_sel`, `struct tc_u32_key` (linux/pkt_cls.h). */

const TC_U32_TERMINAL = 1

/** One word of the packet, from the beginning of its network header on. */
export interface U32Key {
  readonly mask: number
  readonly value: number
  /** Bytes. */
  readonly offset: number
}

export const selector: AttributeCodec<readonly U32Key[]> = {
  write(writer, keys) {
    writer.u8(TC_U32_TERMINAL).u8(0).u8(keys.length).zeros(13)
    for (const { mask, value, offset } of keys) writer.be32(mask).be32(value).i32(offset).zeros(4)
  },
  read(payload) {
    const count = payload.skip(2).u8()
    payload.skip(13)
    return Array.from({ length: count }, () => {
      const key = { mask: payload.be32(), value: payload.be32(), offset: payload.i32() }
      payload.skip(4)
      return key
    })
  },
}

/** Packets from a prefix, or to it. */
export interface AddressMatch {
  readonly prefix: string
  readonly by: 'source' | 'destination'
}

/** The protocol of the packets, in network byte order as `tcm_info` has it, and where their headers have addresses. */
const HEADERS = {
  4: { protocol: 0x0008, source: 12, destination: 16, length: 4 },
  6: { protocol: 0xdd86, source: 8, destination: 24, length: 16 },
} as const

export function protocolOf({ prefix }: AddressMatch): number {
  return HEADERS[parsePrefix(prefix).family].protocol
}

/** As `tc ... match ip dst 10.0.0.0/8`: words that the prefix says nothing of are left out. */
export function keysOf({ prefix, by }: AddressMatch): readonly U32Key[] {
  const { family, length } = parsePrefix(prefix)
  const [address = ''] = prefix.split('/')
  const bytes = Buffer.from(addressToBytes(parseAddress(address)))
  const start = HEADERS[family][by]
  const words = Math.max(1, Math.ceil(length / 32))
  return Array.from({ length: words }, (_, word) => {
    const bits = Math.min(32, length - word * 32)
    const mask = bits === 0 ? 0 : (0xffff_ffff << (32 - bits)) >>> 0
    return { mask, value: bytes.readUInt32BE(word * 4), offset: start + word * 4 }
  })
}

/** Undefined for what is no prefix of addresses. */
export function matchOf(protocol: number, keys: readonly U32Key[]): AddressMatch | undefined {
  const header = Object.values(HEADERS).find(one => one.protocol === protocol)
  const [first] = keys
  const by = (['source', 'destination'] as const).find(side => header?.[side] === first?.offset)
  if (header === undefined || by === undefined) return undefined
  const bytes = Buffer.alloc(header.length)
  let length = 0
  for (const [index, { mask, value, offset }] of keys.entries()) {
    const bits = Math.clz32(~mask >>> 0)
    const isNext = offset === header[by] + index * 4 && length === index * 32
    if (!isNext || offset + 4 > header[by] + header.length || ((mask << bits) >>> 0 !== 0 && bits < 32)) {
      return undefined
    }
    bytes.writeUInt32BE((value & mask) >>> 0, index * 4)
    length += bits
  }
  return { prefix: formatPrefix(prefixOf(addressFromBytes(bytes), length)), by }
}
