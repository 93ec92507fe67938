import { closeFds } from './descriptor.ts'
import { sysError } from './errors.ts'

/** Bytes of a frame's payload at most. */
export const MAX_FRAME_BYTES = 1 << 20

const HEADER_BYTES = 4

export interface Frame {
  readonly payload: Uint8Array
  /** Descriptors that came with the frame's first byte; whoever takes the frame owns them. */
  readonly fds: number[]
}

/** A frame as it travels: 32-bit big-endian length, then the payload. `sys.frame-too-long` over 1 MiB. */
export function encodeFrame(payload: Uint8Array): Uint8Array {
  if (payload.length > MAX_FRAME_BYTES) throw tooLong(payload.length)
  const bytes = new Uint8Array(HEADER_BYTES + payload.length)
  new DataView(bytes.buffer).setUint32(0, payload.length)
  bytes.set(payload, HEADER_BYTES)
  return bytes
}

/**
 * Cuts a stream into frames, whatever pieces it comes in. Descriptors must come with the first byte of a
 * frame; the kernel ends a read behind the piece they came with, so they belong to the last frame that begins
 * in a read.
 */
export class FrameDecoder {
  private readonly maxFds: number
  private readonly header = new Uint8Array(HEADER_BYTES)
  private headerFilled = 0
  private payload: Uint8Array | undefined
  private payloadFilled = 0
  private fds: number[] = []

  /** More than `maxFds` descriptors with one frame are refused. */
  constructor(maxFds: number) {
    this.maxFds = maxFds
  }

  /** Bytes of an unfinished frame are held. */
  get midFrame(): boolean {
    return this.headerFilled > 0
  }

  /**
   * Takes one read and returns the frames that it completes. Owns `fds` from the call on: they leave with a
   * frame, or are closed when this throws (`sys.frame-too-long`, `sys.too-many-fds`, `sys.stray-fds`) or by
   * `close`.
   */
  push(bytes: Uint8Array, fds: readonly number[]): Frame[] {
    const frames: Frame[] = []
    try {
      this.cut(bytes, fds, frames)
      return frames
    } catch (error) {
      for (const frame of frames) closeFds(frame.fds)
      this.close()
      throw error
    }
  }

  /** Closes the descriptors of an unfinished frame. */
  close(): void {
    closeFds(this.fds)
    this.fds = []
  }

  private cut(bytes: Uint8Array, fds: readonly number[], frames: Frame[]): void {
    let waiting = fds
    const last = fds.length === 0 ? -1 : this.lastBeginning(bytes)
    for (let at = 0; at < bytes.length; ) {
      if (this.headerFilled === 0 && at === last) {
        this.fds = [...waiting]
        waiting = []
      }
      at += this.take(bytes.subarray(at))
      if (this.payload !== undefined && this.payloadFilled === this.payload.length) frames.push(this.finish())
    }
    this.checkFds(waiting)
  }

  private checkFds(waiting: readonly number[]): void {
    if (waiting.length > 0) {
      closeFds(waiting)
      throw sysError('sys.stray-fds', 'receive frame', 'descriptors came in the middle of a frame')
    }
    if (this.fds.length > this.maxFds) throw this.tooMany(this.fds.length)
  }

  private tooMany(count: number): Error {
    const message = `${count} descriptors came with one frame, at most ${this.maxFds} are taken`
    return sysError('sys.too-many-fds', 'receive frame', message)
  }

  /** Where in `bytes` the last frame begins whose beginning is in it; -1 if none. Looks at lengths only. */
  private lastBeginning(bytes: Uint8Array): number {
    let at = this.bytesUntilNextFrame(bytes)
    let last = -1
    while (at < bytes.length) {
      last = at
      if (bytes.length - at < HEADER_BYTES) break
      at += HEADER_BYTES + lengthAt(bytes, at)
    }
    return last
  }

  private bytesUntilNextFrame(bytes: Uint8Array): number {
    if (this.headerFilled === 0) return 0
    if (this.payload !== undefined) return this.payload.length - this.payloadFilled
    const missing = HEADER_BYTES - this.headerFilled
    if (bytes.length < missing) return bytes.length
    const header = new Uint8Array(this.header)
    header.set(bytes.subarray(0, missing), this.headerFilled)
    return missing + lengthAt(header, 0)
  }

  /** Takes what the header or the payload still lacks; returns how many bytes that were. */
  private take(bytes: Uint8Array): number {
    if (this.payload === undefined) return this.takeHeader(bytes)
    const piece = bytes.subarray(0, this.payload.length - this.payloadFilled)
    this.payload.set(piece, this.payloadFilled)
    this.payloadFilled += piece.length
    return piece.length
  }

  private takeHeader(bytes: Uint8Array): number {
    const piece = bytes.subarray(0, HEADER_BYTES - this.headerFilled)
    this.header.set(piece, this.headerFilled)
    this.headerFilled += piece.length
    if (this.headerFilled < HEADER_BYTES) return piece.length
    const length = lengthAt(this.header, 0)
    if (length > MAX_FRAME_BYTES) throw tooLong(length)
    this.payload = new Uint8Array(length)
    return piece.length
  }

  private finish(): Frame {
    if (this.fds.length > this.maxFds) throw this.tooMany(this.fds.length)
    const frame = { payload: this.payload ?? new Uint8Array(), fds: this.fds }
    this.headerFilled = 0
    this.payload = undefined
    this.payloadFilled = 0
    this.fds = []
    return frame
  }
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + at, HEADER_BYTES).getUint32(0)
}

function tooLong(length: number): Error {
  const message = `a frame of ${length} bytes was announced, at most ${MAX_FRAME_BYTES} are taken`
  return sysError('sys.frame-too-long', 'frame', message)
}
