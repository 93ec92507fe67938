import { ByteReader } from './byte-reader.ts'
import { align4, ByteWriter } from './byte-writer.ts'
import { malformed } from './errors.ts'

/** The netlink header, `struct nlmsghdr` (linux/netlink.h), and how messages lie in datagrams. */

export const NLM_F_REQUEST = 0x1
export const NLM_F_MULTI = 0x2
export const NLM_F_ACK = 0x4
export const NLM_F_ECHO = 0x8
export const NLM_F_DUMP_INTR = 0x10
/** For GET requests: NLM_F_ROOT | NLM_F_MATCH. */
export const NLM_F_DUMP = 0x300
/** For NEW requests: replace what exists; fail if it exists; create what does not; add at the end. */
export const NLM_F_REPLACE = 0x100
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400
export const NLM_F_APPEND = 0x800
/** In NLMSG_ERROR: the request's payload is not repeated; TLVs of the extended ack follow. */
export const NLM_F_CAPPED = 0x100
export const NLM_F_ACK_TLVS = 0x200

export const NLMSG_NOOP = 1
export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3
export const NLMSG_OVERRUN = 4

export const NLMSG_HEADER_LENGTH = 16

/** One message as it was received. */
export interface Message {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  readonly portId: number
  /** What follows the netlink header. */
  readonly body: Uint8Array
}

/** What to ask of the kernel; made by `addRoute`, `listLinks` and their like. */
export interface Request {
  readonly type: number
  /** NLM_F_*; the client adds REQUEST and ACK. */
  readonly flags: number
  readonly body: Uint8Array
  /** The kernel takes long for it (deleting links, making one of a kind that may have to be loaded): runs in a thread. */
  readonly slow?: boolean
  /** Of a dump: which of the messages are meant; the kernel may answer for more than was asked. */
  readonly keeps?: (message: Message) => boolean
  /** True for an errno by which the kernel says that what is asked for was needless: that is no refusal. */
  readonly forgives?: (errno: number) => boolean
  /** For messages: `add route 10.0.0.0/8`. */
  readonly what: string
}

/** Bytes of a whole message with its header and padding. */
export function messageLength(body: Uint8Array): number {
  return align4(NLMSG_HEADER_LENGTH + body.length)
}

/** Appends a whole message with its header, padded to four bytes. */
export function writeMessage(writer: ByteWriter, message: Omit<Message, 'portId'>): void {
  writer
    .u32(NLMSG_HEADER_LENGTH + message.body.length)
    .u16(message.type)
    .u16(message.flags)
    .u32(message.sequence)
    .u32(0)
    .bytes(message.body)
    .pad()
}

/** One message alone. */
export function encodeMessage(message: Omit<Message, 'portId'>): Uint8Array {
  const writer = new ByteWriter(messageLength(message.body))
  writeMessage(writer, message)
  return writer.finish()
}

/** The messages of one datagram; their bodies are parts of it. @throws NetlinkError `netlink.malformed` */
export function decodeMessages(datagram: Uint8Array): Message[] {
  const messages: Message[] = []
  const reader = ByteReader.over(datagram)
  while (reader.remaining > 0) {
    const length = reader.u32()
    if (length < NLMSG_HEADER_LENGTH) throw malformed('a netlink header', `its length says ${length}`)
    messages.push({
      type: reader.u16(),
      flags: reader.u16(),
      sequence: reader.u32(),
      portId: reader.u32(),
      body: reader.borrow(length - NLMSG_HEADER_LENGTH),
    })
    reader.skip(Math.min(align4(length) - length, reader.remaining))
  }
  return messages
}

/**
 * The messages of datagrams that a multicast socket received, in their order.
 * Pass each to `decodeEvent`. @throws NetlinkError `netlink.malformed`
 */
export function parseEvents(datagrams: readonly Uint8Array[]): Message[] {
  return datagrams.flatMap(decodeMessages)
}
