import { OwnedFd } from './descriptor.ts'
import { attempt } from './errors.ts'
import { native } from './native.ts'
import type { Netns } from './netns.ts'
import { Poll, READABLE } from './poll.ts'

export interface PacketSource {
  /** Six bytes. */
  readonly mac: Uint8Array
  /** False if the packet never left this machine and its UDP checksum has not been made. */
  readonly hasChecksum: boolean
}

/**
 * Whole IPv4 packets on one link of a namespace, past its addresses, routes and rules: for who has no address yet.
 * Receives UDP to one port only. Keeps the namespace alive until `close`.
 */
export class PacketSocket {
  private readonly socket: OwnedFd
  private readonly linkIndex: number
  private poll: Poll | undefined

  private constructor(fd: number, linkIndex: number) {
    this.socket = new OwnedFd(fd, 'packet socket')
    this.linkIndex = linkIndex
  }

  /** Needs root. `sys.enodev` if there is no such link. */
  static open(netns: Pick<Netns, 'fds'>, linkIndex: number, udpPort: number): PacketSocket {
    const fd = attempt(`open a packet socket on link ${linkIndex}`, () =>
      native.packetOpen(netns.fds.netns, linkIndex, udpPort),
    )
    return new PacketSocket(fd, linkIndex)
  }

  /**
   * Sends from the link's own MAC to this one.
   *
   * @returns false if the send queue is full and nothing was sent; `sys.enetdown` if the link is down
   */
  send(packet: Uint8Array, mac: Uint8Array): boolean {
    const fd = this.socket.fd
    return attempt(`send on link ${this.linkIndex}`, () => native.packetSend(fd, this.linkIndex, mac, packet))
  }

  /** Delivers from now on and keeps the process alive until `close`; a second call replaces the listener. */
  onPacket(listener: (packet: Uint8Array, from: PacketSource) => void): void {
    this.poll?.close()
    this.poll = new Poll(this.socket.fd, READABLE, () => {
      for (const [packet, mac, hasChecksum] of native.packetReceive(this.socket.fd)) {
        listener(packet, { mac, hasChecksum })
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
