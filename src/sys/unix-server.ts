import { closeSync, lstatSync, openSync, rmSync } from 'node:fs'
import { hasCode, PodlaceError } from '../base/index.ts'
import { closeFd, OwnedFd } from './descriptor.ts'
import { attempt, sysError } from './errors.ts'
import { native } from './native.ts'
import { Poll, READABLE } from './poll.ts'
import { type Peer, StreamConnection, type UnixConnection } from './unix-connection.ts'

export interface UnixServerOptions {
  /** Of the socket's file, less the process's umask: 0o600. */
  readonly mode: number
  readonly onConnection: (connection: UnixConnection) => void
  /** User ids that may connect besides 0; others are disconnected at once. */
  readonly allowUids?: readonly number[]
  /** Descriptors with one frame; default 8. */
  readonly maxFds?: number
  /** Called for what cannot be answered to anybody: a refused peer, no descriptor left to accept with. */
  readonly onRefused?: (reason: PodlaceError) => void
}

const BACKLOG = 512
const DEFAULT_MAX_FDS = 8
/** Connections taken in one turn of the event loop. */
const ACCEPTS_PER_TURN = 64

/** A unix stream server that knows who connects (SO_PEERCRED) and takes descriptors (SCM_RIGHTS). */
export class UnixServer {
  private readonly socket: OwnedFd
  private readonly path: string
  private readonly options: UnixServerOptions
  private readonly connections = new Set<StreamConnection>()
  private readonly poll: Poll
  /** A descriptor to give up when there is none left to accept with, see `turnAway`. */
  private reserve: number

  private constructor(fd: number, path: string, options: UnixServerOptions) {
    this.socket = new OwnedFd(fd, 'unix server')
    this.path = path
    this.options = options
    try {
      this.reserve = openReserve()
      this.poll = new Poll(fd, READABLE, () => this.acceptAll())
    } catch (error) {
      this.socket.close()
      rmSync(path, { force: true })
      throw error
    }
  }

  /**
   * Listens at `path` (at most 107 bytes). A socket file whose owner is gone is replaced; one that somebody
   * answers is `sys.eaddrinuse`, and any other file in the way is left alone with the same error.
   */
  static listen(path: string, options: UnixServerOptions): UnixServer {
    const op = `listen at ${path}`
    if (Buffer.byteLength(path) > 107)
      throw sysError('sys.bad-path', op, `${op}: the path of a unix socket has at most 107 bytes, shorten it`)
    removeStale(path)
    const fd = attempt(op, () => native.unixListen(path, options.mode, BACKLOG))
    return new UnixServer(fd, path, options)
  }

  /** Open connections. */
  get size(): number {
    return this.connections.size
  }

  /** Stops listening, removes the file, closes every connection. */
  close(): void {
    if (this.socket.closed) return
    this.poll.close()
    this.socket.close()
    if (this.reserve >= 0) closeSync(this.reserve)
    rmSync(this.path, { force: true })
    for (const connection of this.connections) connection.close()
  }

  private acceptAll(): void {
    for (let accepts = 0; accepts < ACCEPTS_PER_TURN && !this.socket.closed; accepts += 1) {
      const connection = this.acceptOne()
      if (connection === 'none') return
      if (connection === 'refused') continue
      this.options.onConnection(connection)
      connection.begin()
    }
  }

  private acceptOne(): StreamConnection | 'refused' | 'none' {
    try {
      const fd = attempt('accept a connection', () => native.unixAccept(this.socket.fd))
      return fd < 0 ? 'none' : this.welcome(fd)
    } catch (error) {
      if (!(error instanceof PodlaceError)) throw error
      // The kernel looks for a free descriptor before it looks for a peer: there may be nobody.
      if (isExhausted(error) && !this.turnAway()) return 'none'
      this.options.onRefused?.(error)
      return 'refused'
    }
  }

  private welcome(fd: number): StreamConnection {
    let peer: Peer
    try {
      peer = this.checkPeer(fd)
    } catch (error) {
      closeFd(fd)
      throw error
    }
    const connection = new StreamConnection(fd, peer, this.options.maxFds ?? DEFAULT_MAX_FDS, () =>
      this.connections.delete(connection),
    )
    this.connections.add(connection)
    return connection
  }

  /**
   * Without a free descriptor the waiting peer can neither be served nor sent away, and the event loop would
   * spin on it. Giving up the reserve makes room to accept it and hang up.
   */
  private turnAway(): boolean {
    if (this.reserve >= 0) closeSync(this.reserve)
    this.reserve = -1
    try {
      const fd = native.unixAccept(this.socket.fd)
      if (fd >= 0) closeFd(fd)
      this.reserve = openReserve()
      return fd >= 0
    } catch {
      return false
    }
  }

  private checkPeer(fd: number): Peer {
    const [pid, uid, gid] = attempt('look at the peer', () => native.unixPeer(fd))
    if (uid !== 0 && !(this.options.allowUids ?? []).includes(uid)) {
      const message = `process ${pid} of user ${uid} may not connect to ${this.path}`
      throw sysError('sys.peer-refused', 'accept a connection', message)
    }
    return { pid, uid, gid }
  }
}

function openReserve(): number {
  return attempt('keep a descriptor in reserve', () => openSync('/dev/null', 'r'))
}

function isExhausted(error: Error): boolean {
  return hasCode(error, 'sys.emfile') || hasCode(error, 'sys.enfile')
}

/** Only a socket file that nobody listens at any more is removed: connecting says ECONNREFUSED. */
function removeStale(path: string): void {
  try {
    closeFd(attempt('look for a server', () => native.unixConnect(path)))
  } catch (error) {
    if (hasCode(error, 'sys.econnrefused') && lstatSync(path).isSocket()) rmSync(path)
  }
}
