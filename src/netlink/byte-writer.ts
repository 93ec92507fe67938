import { endianness } from 'node:os'
import { invalidValue } from './errors.ts'

/** Netlink speaks the byte order of the machine. */
export const hostLittleEndian = endianness() === 'LE'

/** Netlink headers and attributes start at multiples of four (NLMSG_ALIGNTO, NLA_ALIGNTO). */
export const align4 = (length: number): number => (length + 3) & ~3

const NLA_F_NESTED = 0x8000
const NLA_HEADER_LENGTH = 4
const NLA_LENGTH_MAX = 0xffff

/**
 * A buffer that grows while structs and attributes are appended to it (linux/netlink.h; `nla_put` and
 * `nla_nest_start` in the kernel, `addattr_l` in iproute2).
 *
 * Integers are in host order unless the method says `be`. A value out of range throws `netlink.invalid-value`.
 */
export class ByteWriter {
  private buffer: Uint8Array<ArrayBuffer>
  private view: DataView
  private position = 0

  constructor(initialBytes = 256) {
    this.buffer = new Uint8Array(initialBytes)
    this.view = new DataView(this.buffer.buffer)
  }

  get length(): number {
    return this.position
  }

  u8(value: number): this {
    const at = this.advance(1, value, 0, 0xff)
    this.view.setUint8(at, value)
    return this
  }

  u16(value: number): this {
    const at = this.advance(2, value, 0, 0xffff)
    this.view.setUint16(at, value, hostLittleEndian)
    return this
  }

  u32(value: number): this {
    const at = this.advance(4, value, 0, 0xffff_ffff)
    this.view.setUint32(at, value, hostLittleEndian)
    return this
  }

  i32(value: number): this {
    const at = this.advance(4, value, -0x8000_0000, 0x7fff_ffff)
    this.view.setInt32(at, value, hostLittleEndian)
    return this
  }

  u64(value: bigint): this {
    const at = this.advance64(value)
    this.view.setBigUint64(at, value, hostLittleEndian)
    return this
  }

  be16(value: number): this {
    const at = this.advance(2, value, 0, 0xffff)
    this.view.setUint16(at, value)
    return this
  }

  be32(value: number): this {
    const at = this.advance(4, value, 0, 0xffff_ffff)
    this.view.setUint32(at, value)
    return this
  }

  be64(value: bigint): this {
    const at = this.advance64(value)
    this.view.setBigUint64(at, value)
    return this
  }

  bytes(value: Uint8Array): this {
    this.reserve(value.length)
    this.buffer.set(value, this.position)
    this.position += value.length
    return this
  }

  zeros(count: number): this {
    this.reserve(count)
    this.position += count
    return this
  }

  /** Appends zero bytes up to the next multiple of four. */
  pad(): this {
    return this.zeros(align4(this.position) - this.position)
  }

  /**
   * One attribute: its header, whatever `payload` writes, and padding. `nested` sets NLA_F_NESTED.
   * The length goes in afterwards, so attributes nest to any depth.
   */
  attribute(type: number, nested: boolean, payload: (writer: this) => void): this {
    const start = this.position
    this.u16(0).u16(nested ? type | NLA_F_NESTED : type)
    payload(this)
    const length = this.position - start
    if (length > NLA_LENGTH_MAX) {
      const room = NLA_LENGTH_MAX - NLA_HEADER_LENGTH
      throw invalidValue(
        `attribute ${type}`,
        `${length - NLA_HEADER_LENGTH} bytes, an attribute holds ${room}`,
      )
    }
    this.view.setUint16(start, length, hostLittleEndian)
    return this.pad()
  }

  /** What was written; a copy, so the writer may go on. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.buffer.slice(0, this.position)
  }

  /** Where the value goes. Callers take the view afterwards: it may be another one then. */
  private advance(size: number, value: number, min: number, max: number): number {
    if (!Number.isInteger(value) || value < min || value > max) {
      throw invalidValue('an integer', `${value} is not a whole number from ${min} to ${max}`)
    }
    return this.take(size)
  }

  private advance64(value: bigint): number {
    if (BigInt.asUintN(64, value) !== value) throw invalidValue('an integer', `${value} does not fit 64 bits`)
    return this.take(8)
  }

  private take(size: number): number {
    this.reserve(size)
    const at = this.position
    this.position += size
    return at
  }

  private reserve(more: number): void {
    const needed = this.position + more
    if (needed <= this.buffer.length) return
    const grown = new Uint8Array(Math.max(needed, this.buffer.length * 2))
    grown.set(this.buffer)
    this.buffer = grown
    this.view = new DataView(grown.buffer)
  }
}
