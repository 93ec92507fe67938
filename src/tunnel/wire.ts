import { malformed } from './errors.ts'

/** Fills a message of a size that is known before. */
export class Writer {
  readonly bytes: Uint8Array
  private readonly view: DataView
  private at = 0

  constructor(length: number) {
    this.bytes = new Uint8Array(length)
    this.view = new DataView(this.bytes.buffer)
  }

  u8(value: number): this {
    this.view.setUint8(this.step(1), value)
    return this
  }

  u16(value: number): this {
    this.view.setUint16(this.step(2), value)
    return this
  }

  u32(value: number): this {
    this.view.setUint32(this.step(4), value)
    return this
  }

  u64(value: bigint): this {
    this.view.setBigUint64(this.step(8), value)
    return this
  }

  private step(size: number): number {
    this.at += size
    return this.at - size
  }
}

/** @throws TunnelError `tunnel.malformed` where the bytes end before the value */
export class Reader {
  private readonly bytes: Uint8Array
  private readonly view: DataView
  private at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  u8(): number {
    return this.view.getUint8(this.step(1))
  }

  u16(): number {
    return this.view.getUint16(this.step(2))
  }

  u32(): number {
    return this.view.getUint32(this.step(4))
  }

  u64(): bigint {
    return this.view.getBigUint64(this.step(8))
  }

  rest(): Uint8Array {
    return this.bytes.subarray(this.at)
  }

  /** Hands `value` on if everything is read. */
  finish<T>(value: T): T {
    if (this.at === this.bytes.length) return value
    throw malformed(`${this.bytes.length - this.at} bytes more than it needs`)
  }

  private step(size: number): number {
    if (this.at + size > this.bytes.length) throw malformed(`it ends after ${this.bytes.length} bytes`)
    this.at += size
    return this.at - size
  }
}
