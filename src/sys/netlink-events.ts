import { OwnedFd } from './descriptor.ts'
import { attempt, sysError } from './errors.ts'
import { native } from './native.ts'
import { type NetlinkProtocol, protocolNumber } from './netlink-socket.ts'
import type { Netns } from './netns.ts'
import { Poll, READABLE } from './poll.ts'

export interface NetlinkEventsOptions {
  /**
   * Limit of the receive queue in bytes (SO_RCVBUFFORCE; without CAP_NET_ADMIN capped by net.core.rmem_max).
   */
  readonly receiveBufferBytes?: number
}

export interface QueuedEvents {
  readonly datagrams: Uint8Array[]
  /** The kernel dropped events because the queue was full (ENOBUFS): only a new dump tells what they were. */
  readonly overflow: boolean
}

/** Multicast notifications of one netlink protocol, delivered in the event loop or fetched at once. */
export class NetlinkEvents {
  private readonly socket: OwnedFd
  private poll: Poll | undefined

  private constructor(fd: number) {
    this.socket = new OwnedFd(fd, 'netlink event socket')
  }

  /**
   * Joins `groups` (RTNLGRP_*, NFNLGRP_*: numbers, not bits; at least one) in the process's own namespace.
   */
  static open(
    protocol: NetlinkProtocol,
    groups: readonly number[],
    options: NetlinkEventsOptions = {},
  ): NetlinkEvents {
    return new NetlinkEvents(openEventsFd(-1, protocol, groups, options))
  }

  /** The same in another namespace; needs root. */
  static openIn(
    netns: Netns,
    protocol: NetlinkProtocol,
    groups: readonly number[],
    options: NetlinkEventsOptions = {},
  ): NetlinkEvents {
    return new NetlinkEvents(openEventsFd(netns.fds.netns, protocol, groups, options))
  }

  /** Delivers from now on, what is queued already included, and keeps the process alive until `close`. */
  start(onData: (datagrams: Uint8Array[]) => void, onOverflow: () => void): void {
    if (this.poll !== undefined)
      throw sysError('sys.busy', 'watch netlink events', 'events are watched already')
    this.poll = new Poll(this.socket.fd, READABLE, () => {
      const { datagrams, overflow } = this.drain()
      if (datagrams.length > 0) onData(datagrams)
      if (overflow) onOverflow()
    })
  }

  /** What is queued right now; it is not delivered to `onData` any more. Call order is the kernel's order. */
  drain(): QueuedEvents {
    const fd = this.socket.fd
    const [datagrams, overflow] = attempt('receive netlink events', () => native.netlinkReceive(fd))
    return { datagrams, overflow }
  }

  close(): void {
    this.poll?.close()
    this.poll = undefined
    this.socket.close()
  }
}

function openEventsFd(
  netns: number,
  protocol: NetlinkProtocol,
  groups: readonly number[],
  options: NetlinkEventsOptions,
): number {
  const op = `watch ${protocol} netlink events`
  if (groups.length === 0) throw sysError('sys.bad-groups', op, `${op}: no multicast group was given`)
  const bytes = options.receiveBufferBytes ?? 0
  return attempt(op, () => native.netlinkOpen(netns, protocolNumber(protocol), groups, bytes))
}
