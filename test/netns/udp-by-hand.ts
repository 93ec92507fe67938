import assert from 'node:assert/strict'
import process from 'node:process'
import { encodeUdpIpv4, internetChecksum } from '../../src/packet/index.ts'
import { DatagramSocket, type Netns, socketIn } from '../../src/sys/index.ts'
import { eventually } from './agent-nodes.ts'
import { PORT, type UdpNode, UdpPair } from './udp-nodes.ts'

const ICMP = 1
/** Behind the peer that is played by hand. */
export const HAND_POD = '10.244.2.9'

/** Somebody who speaks the wire format by hand: inner packets as they are, one a datagram. */
export class HandPeer implements Disposable {
  readonly received: Buffer[] = []
  private readonly socket: DatagramSocket
  private readonly target: string

  /** @param target the outer address of the node it talks to */
  constructor(netns: Netns, address: string, target: string, port = PORT) {
    this.target = target
    this.socket = DatagramSocket.udp(socketIn(netns, 'inet', 'datagram'))
    this.socket.bind(address, port)
    this.socket.onMessage(bytes => {
      this.received.push(Buffer.from(bytes))
    })
  }

  send(packet: Uint8Array): void {
    this.socket.send(packet, this.target, PORT)
  }

  /** The next inner packet that is what is looked for; it and those before it are taken. */
  next(what: string, wanted: (packet: Buffer) => boolean): Promise<Buffer> {
    return eventually(what, () => {
      const index = this.received.findIndex(wanted)
      return index < 0 ? undefined : this.received.splice(0, index + 1).at(-1)
    })
  }

  [Symbol.dispose](): void {
    this.socket.close()
  }
}

/** One node whose tunnel is ours, with a pod; the other's is played by hand, so that every byte is seen and can be made. */
export class HandWorld implements Disposable {
  readonly pair: UdpPair
  readonly node: UdpNode
  readonly peer: HandPeer

  private constructor(pair: UdpPair) {
    this.pair = pair
    this.node = pair.one
    this.peer = new HandPeer(pair.two.netns, pair.two.address, this.node.address)
  }

  static async start(): Promise<HandWorld> {
    const world = new HandWorld(new UdpPair())
    try {
      await world.node.carry()
      await world.node.know([world.pair.two.peer])
      return world
    } catch (error) {
      world[Symbol.dispose]()
      throw error
    }
  }

  async drops(): Promise<Record<string, bigint>> {
    using client = this.node.connect()
    const { drops } = await client.status()
    // The kernel's own IPv6 on the device is not what is tested.
    return Object.fromEntries([...drops].filter(([reason, n]) => n > 0n && reason !== 'bad-version'))
  }

  /** What comes to a UDP port of the pod. */
  listen(port: number) {
    const socket = DatagramSocket.udp(socketIn(this.node.pod, 'inet', 'datagram'))
    const texts: string[] = []
    socket.bind(this.node.podAddress, port)
    socket.onMessage(bytes => void texts.push(Buffer.from(bytes).toString()))
    return { texts, send: socket.send.bind(socket), [Symbol.dispose]: () => socket.close() }
  }

  /** An inner packet from behind the peer to port 5000 of the pod. */
  datagram(text: string, ends: { readonly source?: string; readonly target?: string } = {}): Uint8Array {
    return encodeUdpIpv4({
      source: ends.source ?? HAND_POD,
      target: ends.target ?? this.node.podAddress,
      sourcePort: 4000,
      targetPort: 5000,
      payload: Buffer.from(text),
    })
  }

  /** ICMP errors that reach the pod, by `type/code source`. */
  podErrors() {
    const socket = DatagramSocket.icmp(socketIn(this.node.pod, 'inet', 'raw', ICMP))
    const seen = new Map<string, Buffer>()
    socket.onMessage((bytes, { address }) => {
      seen.set(`${bytes[0]}/${bytes[1]} ${address}`, Buffer.from(bytes))
    })
    return { seen, [Symbol.dispose]: () => socket.close() }
  }

  /** What the work sends waits until all of it is there: so the process takes it at once, and may join it. */
  inOneBatch(work: () => void): void {
    const { pid } = this.node
    assert.ok(pid !== undefined)
    process.kill(pid, 'SIGSTOP')
    try {
      work()
    } finally {
      process.kill(pid, 'SIGCONT')
    }
  }

  [Symbol.dispose](): void {
    this.peer[Symbol.dispose]()
    this.pair[Symbol.dispose]()
  }
}

export const isFrom = (source: string) => (packet: Buffer) => packet.subarray(12, 16).join('.') === source
export const isTo = (target: string) => (packet: Buffer) => packet.subarray(16, 20).join('.') === target

export function withChecksum(packet: Uint8Array): Buffer {
  const bytes = Buffer.from(packet)
  bytes.writeUInt16BE(0, 10)
  bytes.writeUInt16BE(internetChecksum(bytes.subarray(0, (bytes.readUInt8(0) & 0xf) * 4)), 10)
  return bytes
}

export function changed(packet: Uint8Array, at: number, value: number): Buffer {
  const bytes = Buffer.from(packet)
  bytes.writeUInt8(value, at)
  return bytes
}

/** With "do not fragment", as hosts send most: only so may packets of one identification be joined. */
export function unfragmented(packet: Uint8Array): Buffer {
  return withChecksum(changed(packet, 6, 0x40))
}
