import { decodeAcknowledgement } from './acknowledgement.ts'
import { failed, type NetlinkError, type Refusal, refused } from './errors.ts'
import {
  decodeMessages,
  type Message,
  NLM_F_DUMP_INTR,
  NLMSG_NOOP,
  NLMSG_OVERRUN,
  type Request,
} from './messages.ts'
import type { Datagram } from './packing.ts'

/** How a request ended. `messages` are the objects it asked for: none for a change, one for a get. */
export type Reply =
  | { readonly ok: true; readonly messages: readonly Message[] }
  | { readonly ok: false; readonly error: NetlinkError }

/** What came back for one sequence number. */
export interface Answer {
  readonly messages: Message[]
  /** There once the kernel said that it is done. */
  end: Refusal | undefined
  /** NLM_F_DUMP_INTR: the table changed while it was being dumped. */
  interrupted: boolean
}

/**
 * Sorts received datagrams by the request that they answer. What answers none of them is old (a request whose
 * answer did not fit the receive buffer) and is left out. @throws NetlinkError `netlink.malformed`
 */
export function collectAnswers(datagram: Datagram, received: readonly Uint8Array[]): Answer[] {
  const answers = datagram.requests.map((): Answer => ({ messages: [], end: undefined, interrupted: false }))
  for (const bytes of received) {
    for (const message of decodeMessages(bytes)) {
      const answer = answers[message.sequence - datagram.firstSequence]
      if (answer !== undefined) addTo(answer, message)
    }
  }
  return answers
}

function addTo(answer: Answer, message: Message): void {
  if ((message.flags & NLM_F_DUMP_INTR) !== 0) answer.interrupted = true
  if (message.type === NLMSG_NOOP || message.type === NLMSG_OVERRUN) return
  const end = decodeAcknowledgement(message)
  // The first word counts: an error is not undone by an acknowledgement behind it.
  if (end === undefined) answer.messages.push(message)
  else answer.end ??= end
}

export function replyOf({ what, forgives }: Request, answer: Answer | undefined): Reply {
  if (answer?.end === undefined) return { ok: false, error: noReply(what) }
  const { messages, end } = answer
  if (end.errno === 0 || forgives?.(end.errno) === true) return { ok: true, messages }
  return { ok: false, error: refused(what, end) }
}

/** Nothing ended the request: the answer was lost, and whether it was carried out is unknown. */
export function noReply(what: string): NetlinkError {
  return failed(what, 'no-reply', 'the kernel gave no answer; read the state back before going on')
}
