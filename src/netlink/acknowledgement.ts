import { text, u32 } from './attribute-codecs.ts'
import { attributeTable } from './attributes.ts'
import { ByteReader } from './byte-reader.ts'
import { align4 } from './byte-writer.ts'
import type { Refusal } from './errors.ts'
import {
  type Message,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_HEADER_LENGTH,
} from './messages.ts'

/** NLMSG_ERROR and NLMSG_DONE: `struct nlmsgerr`, NLMSGERR_ATTR_* (linux/netlink.h). */

export const acknowledgementFields = {
  extAck: [1, 'NLMSGERR_ATTR_MSG', text],
  offset: [2, 'NLMSGERR_ATTR_OFFS', u32],
  missingAttribute: [5, 'NLMSGERR_ATTR_MISS_TYPE', u32],
} as const

const attributes = attributeTable(acknowledgementFields)

/**
 * What ended a request: errno 0 is success. Undefined for messages that end nothing.
 * @throws NetlinkError `netlink.malformed`
 */
export function decodeAcknowledgement(message: Message): Refusal | undefined {
  if (message.type !== NLMSG_ERROR && message.type !== NLMSG_DONE) return undefined
  const reader = ByteReader.over(message.body)
  // A dump that ends well may carry nothing at all.
  if (message.type === NLMSG_DONE && reader.remaining < 4) return { errno: 0 }
  const errno = Math.abs(reader.i32())
  if (message.type === NLMSG_ERROR) skipRequest(reader, message.flags)
  return (message.flags & NLM_F_ACK_TLVS) === 0 ? { errno } : { errno, ...attributes.read(reader) }
}

/** Behind the error code stands the header of the request, and its payload too unless that was left out. */
function skipRequest(reader: ByteReader, flags: number): void {
  const length = reader.u32()
  reader.skip(NLMSG_HEADER_LENGTH - 4)
  const repeated = (flags & NLM_F_CAPPED) === 0 && (flags & NLM_F_ACK_TLVS) !== 0
  if (repeated) reader.skip(align4(Math.max(length, NLMSG_HEADER_LENGTH)) - NLMSG_HEADER_LENGTH)
}
