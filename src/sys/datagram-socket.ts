import { OwnedFd } from './descriptor.ts'
import { attempt } from './errors.ts'
import { native } from './native.ts'
import { Poll, READABLE } from './poll.ts'

export interface DatagramSource {
  /** Address text as inet_ntop(3) writes it. */
  readonly address: string
  /** UDP port; 0 for ICMP. */
  readonly port: number
}

/** socket(2): AF_INET, SOCK_RAW. */
const AF_INET = 2
const SOCK_RAW = 3

/**
 * Sends and receives whole datagrams over a descriptor of `socketIn` (or any other UDP, ICMP or raw ICMP
 * socket), in whatever namespace that was made. Errors of earlier datagrams (ICMP unreachable) do not surface
 * here.
 */
export class DatagramSocket {
  private readonly socket: OwnedFd
  private readonly rawIpv4: boolean
  private poll: Poll | undefined

  private constructor(fd: number) {
    this.socket = new OwnedFd(fd, 'datagram socket')
    try {
      const [domain, type] = attempt('adopt a datagram socket', () => native.datagramKind(fd))
      this.rawIpv4 = domain === AF_INET && type === SOCK_RAW
    } catch (error) {
      this.socket.close()
      throw error
    }
  }

  /** Owns `fd`. */
  static udp(fd: number): DatagramSocket {
    return new DatagramSocket(fd)
  }

  /**
   * Owns `fd`, of type `datagram` (the kernel chooses the echo identifier and delivers only its replies;
   * needs net.ipv4.ping_group_range) or `raw` (all ICMP of the namespace is delivered; needs CAP_NET_RAW).
   * Messages start with the ICMP header in both cases.
   */
  static icmp(fd: number): DatagramSocket {
    return new DatagramSocket(fd)
  }

  /** bind(2); port 0 lets the kernel choose. */
  bind(address: string, port: number): void {
    attempt(`bind to ${address} port ${port}`, () => native.datagramBind(this.socket.fd, address, port))
  }

  /**
   * False if the send queue is full and nothing was sent; `sys.enetunreach` and the like if the kernel
   * refuses.
   */
  send(bytes: Uint8Array, address: string, port = 0): boolean {
    const fd = this.socket.fd
    return attempt(`send to ${address}`, () => native.datagramSend(fd, bytes, address, port))
  }

  /** Delivers from now on and keeps the process alive until `close`; a second call replaces the listener. */
  onMessage(listener: (bytes: Uint8Array, from: DatagramSource) => void): void {
    this.poll?.close()
    this.poll = new Poll(this.socket.fd, READABLE, () => {
      for (const [bytes, address, port] of native.datagramReceive(this.socket.fd)) {
        listener(this.rawIpv4 ? withoutIpv4Header(bytes) : bytes, { address, port })
        if (this.socket.closed) return
      }
    })
  }

  close(): void {
    this.poll?.close()
    this.poll = undefined
    this.socket.close()
  }
}

/** A raw IPv4 socket delivers the header too (RFC 791: the low nibble of byte 0 counts its 32-bit words). */
function withoutIpv4Header(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(((bytes[0] ?? 0) & 0x0f) * 4)
}
