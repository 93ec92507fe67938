import { Socket } from 'node:net'
import type { Clock } from '../../base/index.ts'
import { parseAddress } from '../../ip/index.ts'
import {
  ECHO_PORT,
  Pinger,
  type ProbeOutcome,
  type Protocol,
  probeTcp,
  serveTcpEcho,
  serveUdpEcho,
  UdpProber,
} from '../../probe/index.ts'
import { closeFd, DatagramSocket, Netns, socketIn } from '../../sys/index.ts'

const ICMP = { 4: 1, 6: 58 } as const

/**
 * The workload's presence in one pod: echo servers and probing sockets, all made inside its namespace, all served by
 * this process's one event loop. Holds the namespace alive until `close`.
 */
export class PodPresence {
  readonly name: string
  readonly address: string
  private readonly clock: Clock
  private readonly netns: Netns
  private readonly domain: 'inet' | 'inet6'
  private readonly closers: (() => void)[] = []
  private readonly pinger: Pinger
  private readonly udp: UdpProber

  private constructor(name: string, address: string, netns: Netns, clock: Clock, identifier: number) {
    this.name = name
    this.address = address
    this.netns = netns
    this.clock = clock
    const { family } = parseAddress(address)
    this.domain = family === 4 ? 'inet' : 'inet6'
    // A raw socket: ping sockets are closed to everybody in a new namespace (net.ipv4.ping_group_range).
    const icmp = DatagramSocket.icmp(socketIn(netns, this.domain, 'raw', ICMP[family]))
    this.pinger = new Pinger({ channel: icmp, family, clock, identifier })
    this.closers.push(() => this.pinger.close())
    this.udp = new UdpProber(DatagramSocket.udp(socketIn(netns, this.domain, 'datagram')), clock)
    this.closers.push(() => this.udp.close())
  }

  /** @param identifier of the echo requests, 0 to 65535 */
  static async open(
    name: string,
    netnsPath: string,
    address: string,
    clock: Clock,
    identifier: number,
  ): Promise<PodPresence> {
    const netns = Netns.open(netnsPath)
    let presence: PodPresence
    try {
      presence = new PodPresence(name, address, netns, clock, identifier)
    } catch (error) {
      netns.close()
      throw error
    }
    try {
      await presence.serve()
      return presence
    } catch (error) {
      presence.close()
      throw error
    }
  }

  /** Probes an address from here; the echo services are on {@link ECHO_PORT}. */
  probe(protocol: Protocol, to: string, timeoutMs: number): Promise<ProbeOutcome> {
    if (protocol === 'icmp') return this.pinger.ping(to, { timeoutMs })
    if (protocol === 'udp') return this.udp.probe(to, ECHO_PORT, { timeoutMs })
    const connect = () => {
      const socket = new Socket({ fd: socketIn(this.netns, this.domain, 'stream') })
      return socket.connect({ host: to, port: ECHO_PORT })
    }
    return probeTcp(this.clock, connect, `${this.name} to ${to}`, { timeoutMs })
  }

  /** For a ping stream. */
  get streamPinger(): Pinger {
    return this.pinger
  }

  close(): void {
    for (const close of this.closers.splice(0).toReversed()) close()
    this.netns.close()
  }

  private async serve(): Promise<void> {
    const any = this.domain === 'inet' ? '0.0.0.0' : '::'
    const udp = DatagramSocket.udp(socketIn(this.netns, this.domain, 'datagram'))
    this.closers.push(() => udp.close())
    udp.bind(any, ECHO_PORT)
    serveUdpEcho(udp)
    const tcp = await serveTcpEcho(this.boundStream(any))
    this.closers.push(() => tcp.close())
  }

  /** bind(2) knows no difference between datagrams and streams; the descriptor then belongs to the server. */
  private boundStream(any: string): number {
    const fd = socketIn(this.netns, this.domain, 'stream')
    try {
      DatagramSocket.udp(fd).bind(any, ECHO_PORT)
      return fd
    } catch (error) {
      closeFd(fd)
      throw error
    }
  }
}
