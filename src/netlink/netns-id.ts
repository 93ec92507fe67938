import { i32, u32 } from './attribute-codecs.ts'
import { attributeTable } from './attributes.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { malformed } from './errors.ts'
import type { Message, Request } from './messages.ts'

/**
 * The numbers by which one namespace knows others: RTM_NEWNSID, RTM_GETNSID (linux/net_namespace.h); `ip netns
 * list-id`. A link says by such a number where the device is that it lies on.
 */

const RTM_NEWNSID = 88
const RTM_GETNSID = 90

export const netnsIdFields = {
  id: [1, 'NETNSA_NSID', i32],
  fd: [3, 'NETNSA_FD', u32],
} as const

const attributes = attributeTable(netnsIdFields)

/** Bytes of `struct rtgenmsg`, padded. */
const HEADER_LENGTH = 4

/** Which number the namespace of this descriptor has; see `decodeNetnsId`. */
export function getNetnsId(netnsFd: number): Request {
  const writer = new ByteWriter().u32(0)
  attributes.write(writer, { fd: netnsFd })
  return { type: RTM_GETNSID, flags: 0, body: writer.finish(), what: 'get the id of a namespace' }
}

/** Undefined if it has none: then no link here has to do with it. @throws NetlinkError `netlink.malformed` */
export function decodeNetnsId(message: Message): number | undefined {
  if (message.type !== RTM_NEWNSID) throw malformed('a namespace id', `message type ${message.type}`)
  const { id = -1 } = attributes.read(ByteReader.over(message.body).skip(HEADER_LENGTH))
  return id < 0 ? undefined : id
}
