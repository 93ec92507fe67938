import { settle } from '../base/index.ts'
import { closeFds, OwnedFd } from './descriptor.ts'
import { attempt, sysError } from './errors.ts'
import { encodeFrame, type Frame, FrameDecoder } from './frames.ts'
import { native } from './native.ts'
import { Poll, READABLE, WRITABLE } from './poll.ts'

/** Who connected, as the kernel knows it (SO_PEERCRED). */
export interface Peer {
  readonly pid: number
  readonly uid: number
  readonly gid: number
}

/** Why a connection ended; absent if the peer or we closed it between two frames. */
export type CloseListener = (reason?: Error) => void

/**
 * One end of a unix stream that carries frames (32-bit big-endian length and payload, at most 1 MiB), with
 * descriptors beside the first byte of a frame.
 */
export interface UnixConnection {
  readonly peer: Peer
  /**
   * Whoever gets a frame owns its descriptors and closes them (`closeFd`). Without a listener frames are dropped and their
   * descriptors closed, so set it before `onConnection` returns, or right behind `connectUnix`.
   */
  onFrame(listener: (payload: Uint8Array, fds: number[]) => void): void
  /** Called once, at the end, whoever brings it about. */
  onClose(listener: CloseListener): void
  /**
   * Sends a frame, queueing what the peer has no room for; does nothing once closed. If the peer is gone,
   * `onClose` is called before this returns.
   */
  send(payload: Uint8Array): void
  /** Closes at once; what is still queued for the peer is lost. */
  close(): void
  /** Closes as soon as everything queued is sent. */
  end(): void
}

/** Reads of 64 KiB at most before others get their turn. */
const READS_PER_TURN = 32

export class StreamConnection implements UnixConnection {
  readonly peer: Peer
  private readonly socket: OwnedFd
  private poll: Poll | undefined
  private readonly decoder: FrameDecoder
  private outgoing: Uint8Array[] = []
  private readonly onEnd: () => void
  private ending = false
  private frameListener: ((payload: Uint8Array, fds: number[]) => void) | undefined
  private closeListener: CloseListener | undefined

  /**
   * Owns `fd` from the call on. Frames with more than `maxFds` descriptors end the connection. To be followed by `watch` or
   * `begin`. `onEnd` is for whoever keeps the list of connections.
   */
  constructor(fd: number, peer: Peer, maxFds: number, onEnd: () => void = () => {}) {
    this.peer = peer
    this.onEnd = onEnd
    this.socket = new OwnedFd(fd, 'unix connection')
    this.decoder = new FrameDecoder(maxFds)
  }

  /** Has the event loop tell of the peer. Throws if it cannot. */
  watch(): void {
    if (this.poll === undefined && !this.socket.closed) this.waitFor(READABLE)
  }

  /**
   * As `watch`, for a peer that has mostly sent a frame by the time it is accepted: that is delivered before this returns,
   * and if it is answered in the same turn of the event loop, which is then never asked, all the better. If the event loop
   * cannot tell of the peer, the connection ends with the reason.
   */
  begin(): void {
    const watch = () => {
      try {
        this.watch()
      } catch (error) {
        this.finish(error)
      }
    }
    if (this.takeFrames() === 0) watch()
    else void settle().then(watch)
  }

  onFrame(listener: (payload: Uint8Array, fds: number[]) => void): void {
    this.frameListener = listener
  }

  onClose(listener: CloseListener): void {
    this.closeListener = listener
  }

  send(payload: Uint8Array): void {
    if (this.socket.closed || this.ending) return
    this.outgoing.push(encodeFrame(payload))
    if (this.outgoing.length > 1) return
    try {
      this.flush()
    } catch (error) {
      this.finish(error)
    }
  }

  /**
   * Sends a frame with descriptors, which stay the caller's. `sys.busy` if earlier frames are still queued.
   */
  sendWithFds(payload: Uint8Array, fds: readonly number[]): void {
    if (this.outgoing.length > 0)
      throw sysError('sys.busy', 'send frame', 'descriptors go only with a frame that need not wait')
    const bytes = encodeFrame(payload)
    const sent = attempt('send frame', () => native.unixSend(this.socket.fd, bytes, fds))
    if (sent < bytes.length) this.outgoing.push(bytes.subarray(sent))
    this.waitFor(READABLE | WRITABLE)
  }

  end(): void {
    this.ending = true
    if (this.outgoing.length === 0) this.close()
  }

  close(): void {
    this.finish(undefined)
  }

  private onReady(events: number): void {
    try {
      if ((events & WRITABLE) !== 0) this.flush()
    } catch (reason) {
      return this.finish(reason)
    }
    if ((events & READABLE) !== 0) this.takeFrames()
  }

  /** Frames are delivered before the end of the connection that came with them. Returns how many there were. */
  private takeFrames(): number {
    const frames: Frame[] = []
    let end: { readonly reason: unknown } | undefined
    try {
      end = this.read(frames)
    } catch (reason) {
      end = { reason }
    }
    for (const frame of frames) this.deliver(frame)
    if (end !== undefined) this.finish(end.reason)
    return frames.length
  }

  /** Collects what is there; says so if it was the last. */
  private read(frames: Frame[]): { readonly reason: unknown } | undefined {
    for (let reads = 0; reads < READS_PER_TURN && !this.socket.closed; reads += 1) {
      const received = attempt('receive frame', () => native.unixReceive(this.socket.fd))
      if (received === undefined) return undefined
      const [bytes, fds, dropped] = received
      if (dropped) {
        closeFds(fds)
        throw sysError(
          'sys.too-many-fds',
          'receive frame',
          'more descriptors came than this process can take',
        )
      }
      if (bytes.length === 0) return { reason: this.decoder.midFrame ? cutOff() : undefined }
      frames.push(...this.decoder.push(bytes, fds))
      // Mostly that was all; if not, the event loop says so.
      if (!this.decoder.midFrame) return undefined
    }
    return undefined
  }

  private deliver(frame: Frame): void {
    if (this.frameListener === undefined || this.socket.closed) closeFds(frame.fds)
    else this.frameListener(frame.payload, frame.fds)
  }

  private flush(): void {
    for (let next = this.outgoing[0]; next !== undefined; next = this.outgoing[0]) {
      const bytes = next
      const sent = attempt('send frame', () => native.unixSend(this.socket.fd, bytes, []))
      if (sent === bytes.length) this.outgoing.shift()
      else this.outgoing[0] = bytes.subarray(sent)
      if (sent === 0) break
    }
    if (this.outgoing.length > 0) return this.waitFor(READABLE | WRITABLE)
    if (this.ending) this.finish(undefined)
    else if (this.poll !== undefined) this.waitFor(READABLE)
  }

  private waitFor(events: number): void {
    if (this.poll === undefined) this.poll = new Poll(this.socket.fd, events, ready => this.onReady(ready))
    else this.poll.waitFor(events)
  }

  private finish(reason: unknown): void {
    if (this.socket.closed) return
    this.poll?.close()
    this.socket.close()
    this.decoder.close()
    this.outgoing = []
    this.onEnd()
    if (reason === undefined || reason instanceof Error) this.closeListener?.(reason)
  }
}

function cutOff(): Error {
  return sysError('sys.cut-off', 'receive frame', 'the peer closed the connection in the middle of a frame')
}

/**
 * Connects to a unix stream server at `path`, as the shim does: for tests and for tools that pass
 * descriptors. `peer` is the server's process.
 */
export function connectUnix(path: string, options: { readonly maxFds?: number } = {}): StreamConnection {
  const op = `connect to ${path}`
  const fd = attempt(op, () => native.unixConnect(path))
  let peer: Peer
  try {
    const [pid, uid, gid] = attempt(op, () => native.unixPeer(fd))
    peer = { pid, uid, gid }
  } catch (error) {
    closeFds([fd])
    throw error
  }
  const connection = new StreamConnection(fd, peer, options.maxFds ?? 0)
  try {
    connection.watch()
  } catch (error) {
    connection.close()
    throw error
  }
  return connection
}
