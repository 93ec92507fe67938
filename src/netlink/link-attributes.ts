import { bareText, hardwareAddress, i32, text, u8, u32 } from './attribute-codecs.ts'
import { attributeTable } from './attributes.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import { nameTable } from './names.ts'

/**
 * The header and the plain attributes of link messages: `struct ifinfomsg` (linux/rtnetlink.h), IFLA_*
 * (linux/if_link.h). Apart from link.ts because a veth's peer is described in the same way inside IFLA_INFO_DATA.
 */

export const IFF_UP = 0x1
export const IFF_LOOPBACK = 0x8
export const IFF_RUNNING = 0x40
export const IFF_NOARP = 0x80
export const IFF_PROMISC = 0x100
export const IFF_ALLMULTI = 0x200
export const IFF_LOWER_UP = 0x1_0000

/** Attributes of an address family's own. */
export const IFLA_AF_SPEC = 26

/** RFC 2863 states, IFLA_OPERSTATE. */
export type OperState =
  | 'unknown'
  | 'not-present'
  | 'down'
  | 'lower-layer-down'
  | 'testing'
  | 'dormant'
  | 'up'
  | number

const operStates = nameTable({
  unknown: 0,
  'not-present': 1,
  down: 2,
  'lower-layer-down': 3,
  testing: 4,
  dormant: 5,
  up: 6,
})

export const linkFields = {
  mac: [1, 'IFLA_ADDRESS', hardwareAddress],
  broadcast: [2, 'IFLA_BROADCAST', hardwareAddress],
  name: [3, 'IFLA_IFNAME', text],
  mtu: [4, 'IFLA_MTU', u32],
  parentIndex: [5, 'IFLA_LINK', i32],
  queueing: [6, 'IFLA_QDISC', text],
  masterIndex: [10, 'IFLA_MASTER', u32],
  txQueueLength: [13, 'IFLA_TXQLEN', u32],
  operState: [
    16,
    'IFLA_OPERSTATE',
    {
      write: (writer: ByteWriter, state: OperState) => void writer.u8(operStates.toNumber(state)),
      read: (payload: ByteReader): OperState => operStates.toName(payload.u8()),
    },
  ],
  netnsPid: [19, 'IFLA_NET_NS_PID', u32],
  alias: [20, 'IFLA_IFALIAS', bareText],
  group: [27, 'IFLA_GROUP', u32],
  netnsFd: [28, 'IFLA_NET_NS_FD', u32],
  extMask: [29, 'IFLA_EXT_MASK', u32],
  promiscuity: [30, 'IFLA_PROMISCUITY', u32],
  txQueues: [31, 'IFLA_NUM_TX_QUEUES', u32],
  rxQueues: [32, 'IFLA_NUM_RX_QUEUES', u32],
  carrier: [33, 'IFLA_CARRIER', u8],
  linkNetnsId: [37, 'IFLA_LINK_NETNSID', i32],
  newNetnsId: [45, 'IFLA_NEW_NETNSID', i32],
  newIndex: [49, 'IFLA_NEW_IFINDEX', i32],
} as const

export const linkAttributes = attributeTable(linkFields)

/** `struct ifinfomsg`. */
export interface LinkHeader {
  /** AF_UNSPEC, or AF_BRIDGE for what concerns a bridge port. */
  readonly family: number
  /** ARPHRD_*: 1 Ethernet, 772 loopback, 65534 none. */
  readonly hardwareType: number
  readonly index: number
  /** IFF_*; in requests only the bits of `changeMask` count. */
  readonly flags: number
  readonly changeMask: number
}

/** Bytes of `struct ifinfomsg`. */
export const LINK_HEADER_LENGTH = 16

export const linkHeader = {
  write(writer: ByteWriter, header: Partial<LinkHeader>): void {
    writer.u8(header.family ?? 0).u8(0)
    writer.u16(header.hardwareType ?? 0).i32(header.index ?? 0)
    writer.u32(header.flags ?? 0).u32(header.changeMask ?? 0)
  },
  read(reader: ByteReader): LinkHeader {
    const family = reader.u8()
    reader.skip(1)
    return {
      family,
      hardwareType: reader.u16(),
      index: reader.i32(),
      flags: reader.u32(),
      changeMask: reader.u32(),
    }
  },
}
