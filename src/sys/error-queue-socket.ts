import { errnoName } from '../base/index.ts'
import { OwnedFd } from './descriptor.ts'
import { attempt } from './errors.ts'
import { native } from './native.ts'
import { type Netns, socketFor } from './netns.ts'
import { Poll, READABLE } from './poll.ts'

/** What came back by ICMP for a datagram (linux/errqueue.h, struct sock_extended_err). */
export interface IcmpError {
  /** As much of the datagram's data as the message quotes: from none (RFC 792) to all of it. */
  readonly quoted: Uint8Array
  /** Where it was sent to. */
  readonly address: string
  readonly port: number
  /** ICMP's (of the family of the socket). */
  readonly type: number
  readonly code: number
  /** Bytes, with `fragmentation needed` and `packet too big`; 0 if it does not say. */
  readonly mtu: number
  /** Who sent the message. */
  readonly offender: string
}

/** SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6. */
const ORIGINS_ICMP: ReadonlySet<number> = new Set([2, 3])

/**
 * A UDP socket that listens for nothing but what ICMP says of its datagrams; these are never fragmented, and go out
 * also if the kernel believes the path's MTU to be smaller. Needs no privilege.
 */
export class ErrorQueueSocket {
  private readonly socket: OwnedFd
  private readonly poll: Poll
  private readonly listener: (error: IcmpError) => void

  /** Delivers from now on and keeps the process alive until `close`. @param netns to open it in; entering needs root */
  constructor(family: 4 | 6, listener: (error: IcmpError) => void, netns?: Netns) {
    const op = `open an IPv${family} socket for probes`
    const fd = attempt(op, () => socketFor(netns, family === 4 ? 'inet' : 'inet6', 'datagram'))
    this.listener = listener
    this.socket = new OwnedFd(fd, 'probe socket')
    try {
      attempt(op, () => native.datagramHearErrors(fd))
      this.poll = new Poll(fd, READABLE, () => this.drain())
    } catch (error) {
      this.socket.close()
      throw error
    }
  }

  /** Undefined if it was sent, else the errno's name: `ENETUNREACH`, `EMSGSIZE`, `EAGAIN` if the queue is full. */
  send(bytes: Uint8Array, address: string, port: number): string | undefined {
    return this.sendBy(fd => native.datagramSend(fd, bytes, address, port))
  }

  /** The same with a checksum that the kernel computes here, where it would leave it to the network card otherwise. */
  sendSummed(bytes: Uint8Array, address: string, port: number): string | undefined {
    return this.sendBy(fd => native.datagramSendSummed(fd, bytes, address, port))
  }

  close(): void {
    this.poll.close()
    this.socket.close()
  }

  private sendBy(sendOnce: (fd: number) => boolean): string | undefined {
    const first = this.trySend(sendOnce)
    if (first === undefined) return undefined
    // A message about an earlier datagram makes the next send fail once (ip(7), IP_RECVERR).
    this.drain()
    return this.socket.closed ? first : this.trySend(sendOnce)
  }

  private trySend(sendOnce: (fd: number) => boolean): string | undefined {
    try {
      return sendOnce(this.socket.fd) ? undefined : 'EAGAIN'
    } catch (error) {
      if (error instanceof Error && 'errno' in error && typeof error.errno === 'number') {
        return errnoName(error.errno)
      }
      throw error
    }
  }

  private drain(): void {
    const errors = native.datagramReceiveErrors(this.socket.fd)
    // Nobody is asked to send here; reading also takes off an error whose message found no room.
    native.datagramReceive(this.socket.fd)
    for (const [quoted, address, port, [, origin, type, code, mtu], offender] of errors) {
      if (!ORIGINS_ICMP.has(origin)) continue
      this.listener({ quoted, address, port, type, code, mtu, offender })
      if (this.socket.closed) return
    }
  }
}
