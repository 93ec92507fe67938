import { ByteReader } from '../byte-reader.ts'
import type { Request } from '../messages.ts'

/**
 * When two messages say the same: type, flags, fixed header and attributes are equal. The order of attributes, the
 * NLA_F_NESTED bit (iproute2 sets it here and there), padding, sequence and port do not count.
 */

export interface ComparedMessage {
  readonly type: number
  readonly flags: number
  readonly header: string
  readonly attributes: readonly AttributeTree[]
}

/** Hexadecimal payload, or the attributes inside. */
export type AttributeTree = readonly [type: number, content: string | readonly AttributeTree[]]

const NLM_F_REQUEST_AND_ACK = 0x5
const NESTED = 0x8000
/** Path of the elements in messages about them; no other message has nested attributes there. */
const ELEMENTS = '3'
/** NFTA_SET_ELEM_FLAGS INTERVAL_END, and a key of four zero bytes. */
const ZERO_MARKER = '08000300000000010c0001800800010000000000'

/** Bytes between the netlink header and the attributes. */
function headerLength(type: number): number {
  if (type >> 8 === 10) return 4
  if (type >= 16 && type < 20) return 16
  if (type >= 36) return 20
  return type >= 20 && type < 24 ? 8 : 12
}

/**
 * `ignored` are attribute types, as a path from the outside, that are left out on both sides. `zero-marker` means
 * the element that nft puts before the first interval: its end is the key zero. `length`: of the header, where the
 * type does not tell.
 */
export function compared(
  request: Request,
  ignored: readonly string[] = [],
  length: number = headerLength(request.type),
): ComparedMessage {
  return {
    type: request.type,
    flags: request.flags | NLM_F_REQUEST_AND_ACK,
    header: hex(request.body.subarray(0, length)),
    attributes: tree(request.body.subarray(length), [], new Set(ignored), undefined),
  }
}

/** A recorded message. Where iproute2 leaves the bit out, the nesting is read as that of `like`, which sets it. */
export function recorded(
  message: Uint8Array,
  like: Request,
  ignored: readonly string[] = [],
  headerBytes?: number,
): ComparedMessage {
  const reader = ByteReader.over(message).skip(4)
  const type = reader.u16()
  const flags = reader.u16() | NLM_F_REQUEST_AND_ACK
  const body = reader.skip(8).bytes()
  const length = headerBytes ?? headerLength(type)
  const nested = new Set<string>()
  // libnftnl sets it too, and there one path leads to attributes of many kinds of expression.
  if (type >> 8 !== 10)
    tree(like.body.subarray(headerBytes ?? headerLength(like.type)), [], new Set(), nested)
  return {
    type,
    flags,
    header: hex(body.subarray(0, length)),
    attributes: tree(body.subarray(length), [], new Set(ignored), undefined, nested),
  }
}

/** `found` gathers the paths with the bit; `nestedAs` says which paths to read as nested besides. */
function tree(
  bytes: Uint8Array,
  path: readonly number[],
  ignored: ReadonlySet<string>,
  found: Set<string> | undefined,
  nestedAs?: ReadonlySet<string>,
): AttributeTree[] {
  const attributes: AttributeTree[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = view.getUint16(at, true)
    const rawType = view.getUint16(at + 2, true)
    // libnftnl counts elements through; the kernel calls each NFTA_LIST_ELEM.
    const type = path.join() === ELEMENTS && (rawType & NESTED) !== 0 ? 1 : rawType & 0x3fff
    const here = [...path, type]
    const name = here.join('/')
    const payload = bytes.subarray(at + 4, at + length)
    const nested = (rawType & NESTED) !== 0 || nestedAs?.has(name) === true
    if (nested) found?.add(name)
    const skipped = ignored.has(name) || (ignored.has('zero-marker') && hex(payload) === ZERO_MARKER)
    if (!skipped) {
      attributes.push([type, nested ? inner(payload, here, ignored, found, nestedAs) : hex(payload)])
    }
    at += Math.max(4, (length + 3) & ~3)
  }
  return attributes.sort((a, b) => a[0] - b[0])
}

/** VETH_INFO_PEER starts with a link header, whose first bytes are no attribute length. */
function inner(
  payload: Uint8Array,
  ...rest: [readonly number[], ReadonlySet<string>, Set<string> | undefined, ReadonlySet<string> | undefined]
): AttributeTree[] {
  const startsWithHeader = payload.length >= 16 && payload[0] === 0 && payload[1] === 0
  if (!startsWithHeader) return tree(payload, ...rest)
  return [[0, hex(payload.subarray(0, 16))], ...tree(payload.subarray(16), ...rest)]
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
