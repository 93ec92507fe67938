/**
 * What is said over the control socket of `podlace-udp` (native/udp/request.h has the same in C). Each frame carries
 * one message; integers are big-endian; a reply follows each request, in order.
 *
 *     request: version u8, kind u8, body          reply: version u8, kind u8, body
 */
import { formatAddress, type Prefix, parseAddress, parsePrefix } from '../ip/index.ts'
import { malformed, tunnelError } from './errors.ts'
import { Reader, Writer } from './wire.ts'

/** Of these messages. A process of another version is refused, and refuses us. */
export const PROTOCOL_VERSION = 1
/** Two descriptors a queue, and a message takes 32. */
export const MAX_QUEUES = 16
export const MAX_PEERS = 16_384
/** Of all peers and of the node itself, together. */
export const MAX_PREFIXES = 32_768

const REQUEST = { configure: 1, table: 2, status: 3 } as const
const REPLY = { done: 0x80, refused: 0x81, status: 0x82 } as const

export interface TunnelQueue {
  /** One queue of the TUN device: IFF_TUN, IFF_NO_PI, IFF_VNET_HDR and IFF_MULTI_QUEUE. */
  readonly tunFd: number
  /** An IPv4 UDP socket, bound; those of several queues share their port (SO_REUSEPORT). */
  readonly udpFd: number
}

/** What the process works with. It replaces what was configured before, queues included. */
export interface TunnelConfiguration {
  /** The caller's, to know its own work again after a restart; 0 is nobody's. */
  readonly revision: bigint
  /** IPv4, of the TUN device: the source of the ICMP errors that the tunnel sends. */
  readonly tunnelAddress: string
  /** Bytes of an inner packet at most, 576 to 65,507. */
  readonly mtu: number
  /** 1 to 16. */
  readonly queues: readonly TunnelQueue[]
}

export interface TunnelEndpoint {
  /** IPv4. */
  readonly address: string
  /** UDP, 1 to 65,535; flannel's is 8285. */
  readonly port: number
}

export interface TunnelPeer extends TunnelEndpoint {
  /** What lies behind it. Packets to these go to it, and it may send from these only. */
  readonly prefixes: readonly string[]
}

/** Who is where. It replaces the table before as a whole, between two packets. */
export interface TunnelTable {
  /** The caller's; 0 is nobody's. */
  readonly revision: bigint
  /** What lies on this node: only packets to these, or to the tunnel address, are taken from peers. */
  readonly localPrefixes: readonly string[]
  /** A prefix belongs to one peer or to this node; of nested ones the longest counts. */
  readonly peers: readonly TunnelPeer[]
}

/** Why packets were dropped, in the order of the counters (`enum drop` in native/udp/counters.h). */
export const DROP_REASONS = [
  /** Shorter than its headers say. */
  'truncated',
  /** Not IPv4. */
  'bad-version',
  /** Of the IPv4 header; transport checksums are the receiver's. */
  'bad-checksum',
  /** From or to an address that no unicast packet may bear: 0/8, 127/8, 224/4, 240/4. */
  'martian',
  /** From a UDP address and port that is no peer's. */
  'unknown-peer',
  /** From a peer, with an inner source that lies behind another peer or nowhere. */
  'spoofed-source',
  /** From a peer, to somebody who is not on this node. */
  'not-ours',
  /** Time to live used up: answered with ICMP time exceeded. */
  'ttl-exceeded',
  /** Behind no peer: answered with ICMP network unreachable. */
  'no-route',
  /** Larger than the MTU and not to be fragmented: answered with ICMP fragmentation needed. */
  'too-big',
  /** To the outer address of a peer: the tunnel would carry itself. */
  'loop',
  /** The kernel did not take the UDP datagram. */
  'send-failed',
  /** The kernel did not take the packet from the TUN device's queue: the device is down, or memory short. */
  'device-refused',
  /** The receive queue of a UDP socket was full. */
  'queue-full',
] as const

export type DropReason = (typeof DROP_REASONS)[number]

export interface PeerCounters extends TunnelEndpoint {
  /** Inner packets and their bytes, to the peer and from it. */
  readonly sentPackets: bigint
  readonly sentBytes: bigint
  readonly receivedPackets: bigint
  readonly receivedBytes: bigint
}

export interface TunnelStatus {
  /** Of the process. */
  readonly pid: number
  /** 0 if there is none yet. */
  readonly configurationRevision: bigint
  readonly tableRevision: bigint
  /** How many; 0 before it is configured. */
  readonly queues: number
  /** The kernel takes and gives UDP super-packets on the device too (USO), not only those of TCP. */
  readonly udpSegmentation: boolean
  /** Packets since the process started. */
  readonly drops: ReadonlyMap<DropReason, bigint>
  /** Since they became peers. */
  readonly peers: readonly PeerCounters[]
}

export type TunnelReply =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'status'; readonly status: TunnelStatus }

/** The descriptors go beside it: those of the TUN queues, then those of the UDP sockets. */
export function encodeConfigure(configuration: TunnelConfiguration): Uint8Array {
  const { revision, tunnelAddress, mtu, queues } = configuration
  if (queues.length < 1 || queues.length > MAX_QUEUES)
    throw unfit(`1 to ${MAX_QUEUES} queues, not ${queues.length}`)
  const writer = request(8 + 4 + 2 + 1, REQUEST.configure)
  writer.u64(revision).u32(ipv4(tunnelAddress)).u16(mtu).u8(queues.length)
  return writer.bytes
}

/** @throws TunnelError `tunnel.unfit` for too many peers or prefixes, or one that is not IPv4 */
export function encodeTable({ revision, localPrefixes, peers }: TunnelTable): Uint8Array {
  const prefixes = peers.reduce((sum, peer) => sum + peer.prefixes.length, localPrefixes.length)
  if (peers.length > MAX_PEERS) throw unfit(`at most ${MAX_PEERS} peers, not ${peers.length}`)
  if (prefixes > MAX_PREFIXES) throw unfit(`at most ${MAX_PREFIXES} prefixes, not ${prefixes}`)
  const writer = request(8 + 2 + 2 + peers.length * 8 + prefixes * 5, REQUEST.table)
  writer.u64(revision)
  writePrefixes(writer, localPrefixes)
  writer.u16(peers.length)
  for (const peer of peers) {
    writer.u32(ipv4(peer.address)).u16(peer.port)
    writePrefixes(writer, peer.prefixes)
  }
  return writer.bytes
}

export function encodeStatusRequest(): Uint8Array {
  return request(0, REQUEST.status).bytes
}

/** @throws TunnelError `tunnel.malformed` for anything else than a whole reply of this version */
export function decodeReply(bytes: Uint8Array): TunnelReply {
  const reader = new Reader(bytes)
  const version = reader.u8()
  if (version !== PROTOCOL_VERSION) throw malformed(`version ${version}, not ${PROTOCOL_VERSION}`)
  const kind = reader.u8()
  switch (kind) {
    case REPLY.done:
      return reader.finish({ kind: 'done' })
    case REPLY.refused:
      return { kind: 'refused', message: Buffer.from(reader.rest()).toString('utf8') }
    case REPLY.status:
      return reader.finish({ kind: 'status', status: readStatus(reader) })
    default:
      throw malformed(`a reply of kind ${kind}`)
  }
}

function readStatus(reader: Reader): TunnelStatus {
  const head = {
    pid: reader.u32(),
    configurationRevision: reader.u64(),
    tableRevision: reader.u64(),
    queues: reader.u8(),
    udpSegmentation: reader.u8() !== 0,
  }
  const reasons = reader.u8()
  if (reasons !== DROP_REASONS.length) throw malformed(`${reasons} drop reasons, not ${DROP_REASONS.length}`)
  const drops = new Map(DROP_REASONS.map(reason => [reason, reader.u64()]))
  const peers = Array.from({ length: reader.u16() }, () => ({
    address: formatAddress({ family: 4, value: BigInt(reader.u32()) }),
    port: reader.u16(),
    sentPackets: reader.u64(),
    sentBytes: reader.u64(),
    receivedPackets: reader.u64(),
    receivedBytes: reader.u64(),
  }))
  return { ...head, drops, peers }
}

function request(bodyBytes: number, kind: number): Writer {
  return new Writer(2 + bodyBytes).u8(PROTOCOL_VERSION).u8(kind)
}

function writePrefixes(writer: Writer, texts: readonly string[]): void {
  writer.u16(texts.length)
  for (const prefix of texts.map(ipv4Prefix)) writer.u32(Number(prefix.network)).u8(prefix.length)
}

function ipv4(text: string): number {
  const { family, value } = parseAddress(text)
  if (family !== 4) throw unfit(`an IPv4 address, not ${text}`)
  return Number(value)
}

function ipv4Prefix(text: string): Prefix {
  const prefix = parsePrefix(text)
  if (prefix.family !== 4) throw unfit(`an IPv4 prefix, not ${text}`)
  return prefix
}

function unfit(expected: string) {
  return tunnelError('encode a tunnel message', `the tunnel takes ${expected}`, { code: 'tunnel.unfit' })
}
