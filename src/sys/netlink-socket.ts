import { constants } from 'node:os'
import { OwnedFd } from './descriptor.ts'
import { attempt, errnoError, fromNative, type SysError, sysError } from './errors.ts'
import { native } from './native.ts'

/** What the netlink room needs of a socket; fakes implement it too. */
export interface NetlinkTransport {
  /**
   * Sends one datagram of requests and returns every reply datagram that the kernel queued meanwhile; an
   * array element per datagram, views on one buffer. Throws `SysError`: `sys.enobufs` if replies were lost.
   */
  exchange(request: Uint8Array): Uint8Array[]
  /** The same on a pool thread, one after another, for what may take the kernel milliseconds: it may load a module. */
  exchangeInThread(request: Uint8Array): Promise<Uint8Array[]>
  /**
   * The same beside all others, on a thread and a socket of its own: for deleting links, whose effect is there long
   * before the kernel answers.
   */
  exchangeAside(request: Uint8Array): Promise<Uint8Array[]>
  close(): void
}

/** linux/netlink.h: NETLINK_ROUTE, NETLINK_NETFILTER, NETLINK_GENERIC. */
const PROTOCOLS = { route: 0, netfilter: 12, generic: 16 } as const

export type NetlinkProtocol = keyof typeof PROTOCOLS

/** The number that socket(2) takes. */
export function protocolNumber(protocol: NetlinkProtocol): number {
  return PROTOCOLS[protocol]
}

export interface NetlinkSocketOptions {
  /** What the socket must be; otherwise `sys.bad-descriptor`. */
  readonly protocol?: NetlinkProtocol
  /**
   * Opens further sockets in the same namespace: one for `exchangeInThread`, so that `exchange` need not wait for
   * it, and one for each `exchangeAside`. Without it all share the descriptor: what goes aside waits in the row of
   * the threads, and `exchange` meanwhile is refused (`sys.ebusy`).
   */
  readonly openLane?: () => number
}

/** Exchanges aside that may be under way at once: each holds a thread. */
const ASIDE_MAX = 16

/**
 * A request socket. The kernel handles rtnetlink and nfnetlink requests inside sendto(2), so a synchronous
 * exchange needs no event loop and never waits for anybody but the kernel.
 */
export class NetlinkSocket implements NetlinkTransport {
  private readonly socket: OwnedFd
  private readonly openLane: (() => number) | undefined
  private lane: OwnedFd | undefined
  private tail: Promise<unknown> = Promise.resolve()
  private inThread = 0
  private readonly aside = new Set<Promise<unknown>>()
  private closing = false

  /** Owns `fd` from the call on, also if it throws. */
  constructor(fd: number, options: NetlinkSocketOptions = {}) {
    this.socket = new OwnedFd(fd, 'netlink socket')
    this.openLane = options.openLane
    try {
      const protocol = attempt('adopt a netlink socket', () => native.netlinkAdopt(fd))
      checkProtocol(protocol, options.protocol)
    } catch (error) {
      this.socket.close()
      throw error
    }
  }

  get fd(): number {
    return this.socket.fd
  }

  /** nlmsg_pid of replies. */
  get portId(): number {
    return attempt('read the port of a netlink socket', () => native.netlinkPortId(this.fd))
  }

  exchange(request: Uint8Array): Uint8Array[] {
    const fd = this.fd
    if (this.inThread > 0 && this.openLane === undefined)
      throw errnoError(constants.errno.EBUSY, 'sendto', 'netlink request')
    return attempt('netlink request', () => native.netlinkExchange(fd, request))
  }

  /** Exchanges in threads run one after another, in the order of the calls. */
  exchangeInThread(request: Uint8Array): Promise<Uint8Array[]> {
    if (this.closing) return Promise.reject(closedError())
    this.inThread += 1
    const outcome = this.queueForThread(request).finally(() => this.leaveThread())
    this.tail = outcome.catch(() => undefined)
    return outcome
  }

  async exchangeAside(request: Uint8Array): Promise<Uint8Array[]> {
    if (this.openLane === undefined) return this.exchangeInThread(request)
    const copy = new Uint8Array(request)
    while (this.aside.size >= ASIDE_MAX) await Promise.race(this.aside)
    if (this.closing) throw closedError()
    const outcome = exchangeOnce(new OwnedFd(this.openLane(), 'netlink socket'), copy)
    const ended: Promise<unknown> = outcome.catch(() => undefined).then(() => this.aside.delete(ended))
    this.aside.add(ended)
    return outcome
  }

  /**
   * A descriptor that a thread is using is closed when that thread is done: its number could be reused
   * before.
   */
  close(): void {
    this.closing = true
    if (this.inThread > 0) return
    this.socket.close()
    this.lane?.close()
  }

  /**
   * Takes what it needs at once: when its turn comes, the buffer may be reused and the namespace be closed.
   */
  private async queueForThread(request: Uint8Array): Promise<Uint8Array[]> {
    const copy = new Uint8Array(request)
    if (this.lane === undefined && this.openLane !== undefined)
      this.lane = new OwnedFd(this.openLane(), 'netlink socket')
    const { fd } = this.lane ?? this.socket
    await this.tail
    try {
      return await native.netlinkExchangeInThread(fd, copy)
    } catch (thrown) {
      throw fromNative('netlink request', thrown)
    }
  }

  private leaveThread(): void {
    this.inThread -= 1
    if (this.closing) this.close()
  }
}

/** On a socket that is closed then. */
async function exchangeOnce(socket: OwnedFd, request: Uint8Array): Promise<Uint8Array[]> {
  try {
    return await native.netlinkExchangeAside(socket.fd, request)
  } catch (thrown) {
    throw fromNative('netlink request', thrown)
  } finally {
    socket.close()
  }
}

function checkProtocol(found: number, expected: NetlinkProtocol | undefined): void {
  if (expected === undefined || found === PROTOCOLS[expected]) return
  const message = `a ${expected} netlink socket was expected, the descriptor is of netlink protocol ${found}`
  throw sysError('sys.bad-descriptor', 'adopt a netlink socket', message)
}

function closedError(): SysError {
  return sysError('sys.closed', 'netlink request', 'the netlink socket is closed already')
}

/**
 * A request socket in the process's own namespace, with NETLINK_GET_STRICT_CHK, NETLINK_EXT_ACK and
 * NETLINK_CAP_ACK. Needs no privilege; what the kernel lets it change does (CAP_NET_ADMIN).
 */
export function openNetlink(protocol: NetlinkProtocol): NetlinkSocket {
  const open = () => openNetlinkFd(-1, protocol)
  return new NetlinkSocket(open(), { openLane: open })
}

/**
 * Adopts a socket that was passed by another process; its options stay as they are. Owns `fd`, also if it
 * throws.
 */
export function netlinkFromFd(fd: number): NetlinkSocket {
  return new NetlinkSocket(fd)
}

/** A request socket's descriptor, inside namespace `netns` (root), or in the own one if `netns` is -1. */
export function openNetlinkFd(netns: number, protocol: NetlinkProtocol): number {
  const number = protocolNumber(protocol)
  return attempt(`open a ${protocol} netlink socket`, () => native.netlinkOpen(netns, number, [], 0))
}
