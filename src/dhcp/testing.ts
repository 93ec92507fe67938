import { ManualClock, PodlaceError, silentLogger } from '../base/index.ts'
import { addressToBytes, macToBytes, parseAddress } from '../ip/index.ts'
import {
  DHCP_OPTION,
  type DhcpMessage,
  decodeDhcp,
  decodeUdpIpv4,
  encodeDhcp,
  encodeUdpIpv4,
  type UdpIpv4,
} from '../packet/index.ts'
import type { PacketSource } from '../sys/index.ts'
import type { Wire } from './conversation.ts'
import type { LeaseStore } from './lease-files.ts'
import { Leases } from './leases.ts'
import { type LeaseRecord, recordKey } from './record.ts'
import type { Found, PodNamespace, Site } from './site.ts'

export const POD_MAC = '02:00:00:00:00:68'
export const SERVER_MAC = '02:00:00:00:00:67'
export const SERVER = '10.1.0.1'

export const address = (text: string) => addressToBytes(parseAddress(text))
export const seconds = (count: number) => Uint8Array.of(count >>> 24, count >> 16, count >> 8, count)

/** What a server says; the rest is as the request has it. */
export type Answer = Pick<DhcpMessage, 'type'> & Partial<DhcpMessage>

/** Options of a sound OFFER or ACK. */
export function promise(leaseSeconds: number, more: readonly (readonly [number, Uint8Array])[] = []) {
  return new Map<number, Uint8Array>([
    [DHCP_OPTION.serverIdentifier, address(SERVER)],
    [DHCP_OPTION.subnetMask, address('255.255.255.0')],
    [DHCP_OPTION.leaseTime, seconds(leaseSeconds)],
    [DHCP_OPTION.routers, address(SERVER)],
    ...more,
  ])
}

/** Gives `yourAddress` to everybody who asks. */
export function honest(yourAddress: string, options = promise(3600)): FakeNetwork['answer'] {
  return ({ type }) => {
    if (type === 'discover') return [{ type: 'offer', yourAddress, options }]
    return type === 'request' ? [{ type: 'ack', yourAddress, options }] : []
  }
}

interface Said {
  readonly message: DhcpMessage
  readonly packet: UdpIpv4
  readonly mac: string
}

/** A pod's interface on a network whose server does as the test says. Answers come at once. */
export class FakeNetwork implements Site {
  readonly said: Said[] = []
  answer: (message: DhcpMessage) => readonly (Answer | Uint8Array)[] = () => []
  isGone = false
  openWires = 0

  get types(): string[] {
    return this.said.map(({ message }) => message.type)
  }

  async enter(_pod: PodNamespace, _ifName: string): Promise<Found> {
    return { linkIndex: 7, mac: POD_MAC, needsBroadcast: false, wire: this.open() }
  }

  async comeBack(): Promise<Found> {
    if (!this.isGone) return this.enter(POD, 'eth0')
    throw new PodlaceError('come back', 'the namespace is gone', { code: 'dhcp.gone' })
  }

  open(): Wire {
    this.openWires += 1
    let listener: ((packet: Uint8Array, from: PacketSource) => void) | undefined
    return {
      send: (packet, mac) => {
        for (const answer of this.hear(packet, mac)) {
          listener?.(answer, { mac: macToBytes(SERVER_MAC), hasChecksum: true })
        }
        return true
      },
      onPacket: fn => {
        listener = fn
      },
      close: () => {
        this.openWires -= 1
      },
    }
  }

  private hear(bytes: Uint8Array, mac: Uint8Array): Uint8Array[] {
    const packet = decodeUdpIpv4(bytes, true)
    if (typeof packet === 'string') throw new Error(packet)
    const message = decodeDhcp(packet.payload)
    if (typeof message === 'string') throw new Error(message)
    this.said.push({ message, packet, mac: Buffer.from(mac).toString('hex') })
    return this.answer(message).map(answer =>
      answer instanceof Uint8Array ? answer : encodeAnswer({ ...message, op: 'reply', ...answer }),
    )
  }
}

export function encodeAnswer(message: DhcpMessage): Uint8Array {
  const ends = { source: SERVER, target: message.yourAddress, sourcePort: 67, targetPort: 68 }
  return encodeUdpIpv4({ ...ends, payload: encodeDhcp(message) })
}

/** Never looked into. */
export const POD: PodNamespace = {
  cookie: 77n,
  get fds(): never {
    throw new Error('a fake namespace has no descriptors')
  },
  get route(): never {
    throw new Error('a fake namespace has no sockets')
  },
}

/** A disk that daemons of one test share. */
export function memoryStore(records = new Map<string, LeaseRecord>()): LeaseStore {
  return {
    load: () => [...records.values()],
    write: record => void records.set(recordKey(record), record),
    remove: key => void records.delete(key),
  }
}

export const holder = { containerId: 'c1', network: 'lan', ifName: 'eth0' }
export const settings = { options: new Map([[61, Buffer.from('\0c1/lan/eth0')]]), priority: 0 }

/** A daemon with a network, a disk and a clock of its own; `next` is the one after it. */
export function fakeDaemon({
  network = new FakeNetwork(),
  clock = new ManualClock(),
  disk = new Map<string, LeaseRecord>(),
  broadcast = false,
} = {}) {
  const leases = new Leases({
    site: network,
    store: memoryStore(disk),
    clock,
    random: () => 0,
    log: silentLogger,
    broadcast,
    timeoutMs: 10_000,
    resendMaxMs: 62_000,
    totalMs: 208_000,
  })
  return {
    network,
    clock,
    disk,
    leases,
    add: () => leases.add(holder, POD, '/run/netns/c1', settings),
    get: () => leases.get(holder),
    next: () => fakeDaemon({ network, clock, disk }),
  }
}

/** A daemon whose holder has a lease of 10.1.0.9; what was said for it is forgotten. */
export async function leasedDaemon(options: Parameters<typeof fakeDaemon>[0] = {}, leaseSeconds = 1000) {
  const node = fakeDaemon(options)
  node.network.answer = honest('10.1.0.9', promise(leaseSeconds))
  await node.add()
  node.network.said.length = 0
  return node
}
