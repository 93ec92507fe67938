import type { Message } from '../../../src/netlink/index.ts'
import { decodeMessages, NLMSG_HEADER_LENGTH } from '../../../src/netlink/messages.ts'
import { readVectors } from '../../../src/netlink/vectors/vectors.ts'

/** The messages that iproute2 and nft sent for the commands of a group, each whole. */
export function recorded(group: string): Uint8Array[] {
  return [...readVectors(group).values()].flat().flatMap(messagesOf)
}

/** A datagram of nft holds several. */
function messagesOf(datagram: Uint8Array): Uint8Array[] {
  let at = 0
  return decodeMessages(datagram).map(({ body }) => {
    const message = datagram.slice(at, at + NLMSG_HEADER_LENGTH + body.length)
    at += message.length + ((4 - (message.length % 4)) % 4)
    return message
  })
}

/** One message whatever its header says of its length: what walks datagrams is a target of its own. */
export function messageOf(input: Uint8Array): Message {
  const header = new DataView(new ArrayBuffer(NLMSG_HEADER_LENGTH))
  new Uint8Array(header.buffer).set(input.subarray(0, NLMSG_HEADER_LENGTH))
  return {
    type: header.getUint16(4, true),
    flags: header.getUint16(6, true),
    sequence: header.getUint32(8, true),
    portId: header.getUint32(12, true),
    body: input.subarray(NLMSG_HEADER_LENGTH),
  }
}
