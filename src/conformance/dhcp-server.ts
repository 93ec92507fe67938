import { addressToBytes, macToBytes, parseAddress } from '../ip/index.ts'
import {
  DHCP_OPTION,
  type DhcpMessage,
  type DhcpOptions,
  decodeDhcp,
  decodeUdpIpv4,
  encodeDhcp,
  encodeUdpIpv4,
} from '../packet/index.ts'
import { Netns, PacketSocket } from '../sys/index.ts'
import type { Namespace } from './namespace.ts'

export interface DhcpServerOptions {
  readonly where: Namespace
  readonly linkIndex: number
  /** Its own address: of a network with 24 bits, of which clients get .100, .101 and so on. */
  readonly address: string
  /** Besides the mask, the server and the time of the lease. */
  readonly options?: DhcpOptions
}

/** A server of DHCP (RFC 2131) as small as it can be: it says yes to everybody, and remembers who asked. */
export interface DhcpServer {
  /** What clients have said, in order. */
  readonly heard: readonly DhcpMessage[]
  close(): void
}

const SERVER_PORT = 67
const CLIENT_PORT = 68
const LEASE_SECONDS = 3_600
const FIRST_HOST = 100
const EVERYBODY = { address: '255.255.255.255', mac: 'ff:ff:ff:ff:ff:ff' } as const

/** Serves until it is closed. */
export function serveDhcp({ where, linkIndex, address, options }: DhcpServerOptions): DhcpServer {
  const netns = Netns.open(where.outerPath)
  const socket = PacketSocket.open(netns, linkIndex, SERVER_PORT)
  const heard: DhcpMessage[] = []
  const clients: string[] = []
  const promised = new Map([
    [DHCP_OPTION.serverIdentifier, bytesOf(address)],
    [DHCP_OPTION.subnetMask, bytesOf('255.255.255.0')],
    [DHCP_OPTION.leaseTime, Uint8Array.of(0, 0, LEASE_SECONDS >> 8, LEASE_SECONDS & 0xff)],
    ...(options ?? []),
  ])
  socket.onPacket((packet, { hasChecksum }) => {
    const datagram = decodeUdpIpv4(packet, hasChecksum)
    const message = typeof datagram === 'string' ? datagram : decodeDhcp(datagram.payload)
    if (typeof message === 'string') return
    heard.push(message)
    if (message.type === 'discover') answer(message, 'offer')
    if (message.type === 'request') answer(message, 'ack')
  })
  return {
    heard,
    close() {
      socket.close()
      netns.close()
    },
  }

  function answer(message: DhcpMessage, type: 'offer' | 'ack'): void {
    const yourAddress = addressOf(message)
    const payload = encodeDhcp({ ...message, op: 'reply', type, yourAddress, options: promised })
    const to = message.broadcast ? EVERYBODY : { address: yourAddress, mac: message.mac }
    const ports = { sourcePort: SERVER_PORT, targetPort: CLIENT_PORT }
    const packet = encodeUdpIpv4({ source: address, target: to.address, ...ports, payload })
    socket.send(packet, macToBytes(to.mac))
  }

  function addressOf(message: DhcpMessage): string {
    const client = clientOf(message)
    if (!clients.includes(client)) clients.push(client)
    return address.replace(/\d+$/, String(FIRST_HOST + clients.indexOf(client)))
  }
}

/** Its identifier, else its MAC, hexadecimal (RFC 2131, section 2). */
export function clientOf({ options, mac }: DhcpMessage): string {
  const identifier = options.get(DHCP_OPTION.clientIdentifier)
  return identifier === undefined ? mac : Buffer.from(identifier).toString('hex')
}

function bytesOf(address: string): Uint8Array {
  return addressToBytes(parseAddress(address))
}
