import { endianness } from 'node:os'
import { invalidValue, type NetlinkError } from './errors.ts'

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
  private buffer: Buffer
  private view: DataView
  private position = 0

  constructor(initialBytes = 256) {
    this.buffer = Buffer.allocUnsafe(initialBytes)
    this.view = viewOf(this.buffer)
  }

  get length(): number {
    return this.position
  }

  u8(value: number): this {
    if ((value & 0xff) !== value) throw notWhole(value, 0, 0xff)
    const at = this.take(1)
    this.view.setUint8(at, value)
    return this
  }

  u16(value: number): this {
    if ((value & 0xffff) !== value) throw notWhole(value, 0, 0xffff)
    const at = this.take(2)
    this.view.setUint16(at, value, hostLittleEndian)
    return this
  }

  u32(value: number): this {
    if (value >>> 0 !== value) throw notWhole(value, 0, 0xffff_ffff)
    const at = this.take(4)
    this.view.setUint32(at, value, hostLittleEndian)
    return this
  }

  i32(value: number): this {
    if ((value | 0) !== value) throw notWhole(value, -0x8000_0000, 0x7fff_ffff)
    const at = this.take(4)
    this.view.setInt32(at, value, hostLittleEndian)
    return this
  }

  u64(value: bigint): this {
    if (BigInt.asUintN(64, value) !== value) throw notIn64Bits(value)
    const at = this.take(8)
    this.view.setBigUint64(at, value, hostLittleEndian)
    return this
  }

  be16(value: number): this {
    if ((value & 0xffff) !== value) throw notWhole(value, 0, 0xffff)
    const at = this.take(2)
    this.view.setUint16(at, value)
    return this
  }

  be32(value: number): this {
    if (value >>> 0 !== value) throw notWhole(value, 0, 0xffff_ffff)
    const at = this.take(4)
    this.view.setUint32(at, value)
    return this
  }

  be64(value: bigint): this {
    if (BigInt.asUintN(64, value) !== value) throw notIn64Bits(value)
    const at = this.take(8)
    this.view.setBigUint64(at, value)
    return this
  }

  bytes(value: Uint8Array): this {
    const at = this.take(value.length)
    this.buffer.set(value, at)
    return this
  }

  /** As UTF-8, without a terminator. */
  text(value: string): this {
    // UTF-8 takes at most three bytes for a UTF-16 unit; what it did not take is given back.
    const at = this.take(3 * value.length)
    this.position = at + this.buffer.write(value, at)
    return this
  }

  zeros(count: number): this {
    const at = this.take(count)
    this.buffer.fill(0, at, this.position)
    return this
  }

  /** Appends zero bytes up to the next multiple of four. */
  pad(): this {
    while (this.position !== align4(this.position)) this.u8(0)
    return this
  }

  /** One attribute: its header, whatever `payload` writes, and padding. `nested` sets NLA_F_NESTED. */
  attribute(type: number, nested: boolean, payload: (writer: this) => void): this {
    const start = this.begin(type, nested)
    payload(this)
    return this.end(start)
  }

  /**
   * Starts an attribute; its payload is what is written until `end`, which is given what this returns. Attributes
   * nest to any depth.
   */
  begin(type: number, nested: boolean): number {
    const start = this.position
    this.u16(0).u16(nested ? type | NLA_F_NESTED : type)
    return start
  }

  /** Ends the attribute that `begin` started: its length and padding. */
  end(start: number): this {
    const length = this.position - start
    if (length > NLA_LENGTH_MAX) {
      const type = this.view.getUint16(start + 2, hostLittleEndian) & ~NLA_F_NESTED
      const room = NLA_LENGTH_MAX - NLA_HEADER_LENGTH
      throw invalidValue(
        `attribute ${type}`,
        `${length - NLA_HEADER_LENGTH} bytes, an attribute holds ${room}`,
      )
    }
    this.view.setUint16(start, length, hostLittleEndian)
    return this.pad()
  }

  /** What was written, not copied: the writer is not to go on. A plain array, as `slice` of a Buffer copies nothing. */
  finish(): Uint8Array {
    return new Uint8Array(this.buffer.buffer, this.buffer.byteOffset, this.position)
  }

  /** Where the next bytes go. Callers take the view afterwards: it may be another one then. */
  private take(size: number): number {
    const at = this.position
    this.position = at + size
    if (this.position > this.buffer.length) this.grow()
    return at
  }

  private grow(): void {
    const grown = Buffer.allocUnsafe(Math.max(this.position, this.buffer.length * 2))
    grown.set(this.buffer)
    this.buffer = grown
    this.view = viewOf(grown)
  }
}

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length)
}

function notWhole(value: number, min: number, max: number): NetlinkError {
  return invalidValue('an integer', `${value} is not a whole number from ${min} to ${max}`)
}

function notIn64Bits(value: bigint): NetlinkError {
  return invalidValue('an integer', `${value} does not fit 64 bits`)
}
