import type { NetlinkTransport } from '../sys/index.ts'
import { ByteWriter } from './byte-writer.ts'
import {
  decodeMessages,
  encodeMessage,
  type Message,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLMSG_DONE,
  NLMSG_ERROR,
} from './messages.ts'

/** A kernel made of a function: what it returns for each request message is what comes back. For tests. */
export class FakeTransport implements NetlinkTransport {
  /** Every datagram that was sent, with the way it went. */
  readonly sent: { readonly messages: readonly Message[]; readonly inThread: boolean }[] = []
  private readonly answer: (message: Message) => readonly Uint8Array[]

  constructor(answer: (message: Message) => readonly Uint8Array[]) {
    this.answer = answer
  }

  exchange(request: Uint8Array): Uint8Array[] {
    return this.take(request, false)
  }

  async exchangeInThread(request: Uint8Array): Promise<Uint8Array[]> {
    await Promise.resolve()
    return this.take(request, true)
  }

  exchangeAside(request: Uint8Array): Promise<Uint8Array[]> {
    return this.exchangeInThread(request)
  }

  close(): void {}

  private take(request: Uint8Array, inThread: boolean): Uint8Array[] {
    const messages = decodeMessages(request)
    this.sent.push({ messages, inThread })
    return messages.flatMap(message => this.answer(message))
  }
}

/** NLMSG_ERROR as the kernel sends it with NETLINK_EXT_ACK and NETLINK_CAP_ACK on; errno 0 acknowledges. */
export function acknowledgement(to: Message, errno = 0, text?: string, offset?: number): Uint8Array {
  const body = new ByteWriter().i32(-errno).u32(16 + to.body.length)
  body.u16(to.type).u16(to.flags).u32(to.sequence).u32(to.portId)
  if (text !== undefined) body.attribute(1, false, writer => writer.bytes(Buffer.from(`${text}\0`)))
  if (offset !== undefined) body.attribute(2, false, writer => writer.u32(offset))
  const flags = NLM_F_CAPPED | (text === undefined && offset === undefined ? 0 : NLM_F_ACK_TLVS)
  return encodeMessage({ type: NLMSG_ERROR, flags, sequence: to.sequence, body: body.finish() })
}

/** NLMSG_DONE: the end of a dump. */
export function dumpEnd(to: Message, errno = 0, flags = 0): Uint8Array {
  const body = new ByteWriter().i32(-errno).finish()
  return encodeMessage({ type: NLMSG_DONE, flags: flags | 2, sequence: to.sequence, body })
}

/** One object of a dump. */
export function dumpPart(to: Message, type: number, body: Uint8Array, flags = 0): Uint8Array {
  return encodeMessage({ type, flags: flags | 2, sequence: to.sequence, body })
}
