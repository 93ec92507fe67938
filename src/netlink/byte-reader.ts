import { align4, hostLittleEndian } from './byte-writer.ts'
import { malformed } from './errors.ts'

const NLA_TYPE_MASK = 0x3fff
const NLA_HEADER_LENGTH = 4

/** One attribute as it lies in the message; `payload` reads its content and nothing beyond. */
export interface RawAttribute {
  /** Without NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
  readonly type: number
  readonly payload: ByteReader
}

/**
 * Reads structs and attributes out of bytes that somebody else wrote (linux/netlink.h; `nla_parse`).
 * Never reads outside its window: whatever does not fit throws `netlink.malformed`.
 */
export class ByteReader {
  private readonly view: DataView
  private readonly end: number
  private position: number

  /** The window [start, end) of `view`; `ByteReader.over` makes one of a whole array. */
  private constructor(view: DataView, start: number, end: number) {
    this.view = view
    this.position = start
    this.end = end
  }

  static over(bytes: Uint8Array): ByteReader {
    return new ByteReader(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.byteLength)
  }

  get remaining(): number {
    return this.end - this.position
  }

  u8(): number {
    return this.view.getUint8(this.take(1))
  }

  u16(): number {
    return this.view.getUint16(this.take(2), hostLittleEndian)
  }

  u32(): number {
    return this.view.getUint32(this.take(4), hostLittleEndian)
  }

  i32(): number {
    return this.view.getInt32(this.take(4), hostLittleEndian)
  }

  u64(): bigint {
    return this.view.getBigUint64(this.take(8), hostLittleEndian)
  }

  be16(): number {
    return this.view.getUint16(this.take(2))
  }

  be32(): number {
    return this.view.getUint32(this.take(4))
  }

  be64(): bigint {
    return this.view.getBigUint64(this.take(8))
  }

  /** The next `count` bytes (all that remain by default), copied. */
  bytes(count = this.remaining): Uint8Array<ArrayBuffer> {
    const at = this.take(count)
    return new Uint8Array(this.view.buffer, this.view.byteOffset + at, count).slice()
  }

  skip(count: number): this {
    this.take(count)
    return this
  }

  /** A reader of the next `count` bytes, which this one then stands behind. */
  window(count: number): ByteReader {
    const at = this.take(count)
    return new ByteReader(this.view, at, at + count)
  }

  /**
   * The attributes from here to the end, those of `wanted` types only if given: a link has some sixty, and a reader
   * for each that nobody asked for is most of what reading it would cost.
   */
  attributes(wanted?: { has(type: number): boolean }): RawAttribute[] {
    const found: RawAttribute[] = []
    while (this.remaining > 0) {
      const length = this.u16()
      const type = this.u16() & NLA_TYPE_MASK
      if (length < NLA_HEADER_LENGTH) throw malformed(`attribute ${type}`, `its length says ${length}`)
      const at = this.take(length - NLA_HEADER_LENGTH)
      if (wanted === undefined || wanted.has(type)) {
        found.push({ type, payload: new ByteReader(this.view, at, this.position) })
      }
      // The last attribute may come without its padding.
      this.position += Math.min(align4(length) - length, this.remaining)
    }
    return found
  }

  private take(count: number): number {
    if (count < 0 || count > this.remaining) {
      throw malformed('a message', `${count} bytes wanted, ${this.remaining} left`)
    }
    const at = this.position
    this.position += count
    return at
  }
}
