import { align4, hostLittleEndian } from './byte-writer.ts'
import { malformed } from './errors.ts'

const NLA_TYPE_MASK = 0x3fff
const NLA_HEADER_LENGTH = 4

/**
 * Reads structs and attributes out of bytes that somebody else wrote (linux/netlink.h; `nla_parse`).
 * Never reads outside its window: whatever does not fit throws `netlink.malformed`.
 */
export class ByteReader {
  private readonly view: DataView
  private readonly end: number
  private position: number
  /** Of the payload of the attribute that `nextAttribute` found. */
  private payloadStart = 0
  private payloadEnd = 0

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
  bytes(count = this.remaining): Uint8Array {
    return this.borrow(count).slice()
  }

  /** The same without a copy, for who reads them at once and keeps nothing. */
  borrow(count = this.remaining): Uint8Array {
    const at = this.take(count)
    return new Uint8Array(this.view.buffer, this.view.byteOffset + at, count)
  }

  /** All that remains as UTF-8 up to the first NUL; broken UTF-8 becomes U+FFFD. */
  text(): string {
    const start = this.take(this.remaining)
    let stop = start
    while (stop < this.end && this.view.getUint8(stop) !== 0) stop += 1
    return Buffer.from(this.view.buffer, this.view.byteOffset + start, stop - start).toString()
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
   * Moves behind the next attribute and gives its type, without NLA_F_NESTED and NLA_F_NET_BYTEORDER; undefined at the
   * end. Only who asks for its `payload` pays for a reader: a link has some sixty attributes, of which a third counts.
   */
  nextAttribute(): number | undefined {
    if (this.position === this.end) return undefined
    const start = this.take(NLA_HEADER_LENGTH)
    const length = this.view.getUint16(start, hostLittleEndian)
    const type = this.view.getUint16(start + 2, hostLittleEndian) & NLA_TYPE_MASK
    if (length < NLA_HEADER_LENGTH) throw malformed(`attribute ${type}`, `its length says ${length}`)
    this.payloadStart = this.take(length - NLA_HEADER_LENGTH)
    this.payloadEnd = this.position
    // The last attribute may come without its padding.
    this.position = Math.min(start + align4(length), this.end)
    return type
  }

  /** Reads the content of the attribute that `nextAttribute` found, and nothing beyond. */
  payload(): ByteReader {
    return new ByteReader(this.view, this.payloadStart, this.payloadEnd)
  }

  private take(count: number): number {
    if (count < 0 || count > this.end - this.position) {
      throw malformed('a message', `${count} bytes wanted, ${this.remaining} left`)
    }
    const at = this.position
    this.position += count
    return at
  }
}
