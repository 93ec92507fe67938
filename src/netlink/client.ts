import { errorText, Mutex, PodlaceError } from '../base/index.ts'
import type { NetlinkTransport } from '../sys/index.ts'
import { encodeBatch } from './batch.ts'
import { failed, type NetlinkError, type NetlinkErrorPayload, refused } from './errors.ts'
import type { Message, Request } from './messages.ts'
import { type Datagram, packDump, packRequests } from './packing.ts'
import { type Answer, collectAnswers, noReply, type Reply, replyOf } from './replies.ts'

/** How often a dump is repeated that the kernel says was interrupted by a change. */
const DUMP_ATTEMPTS = 20

export interface BatchOptions {
  /** Refuse the batch (ERESTART) unless the ruleset is still of this generation. */
  readonly generation?: number
}

/**
 * Requests and their replies over one netlink socket. Calls may overlap: each waits for the one before it, so
 * answers never mix.
 */
export class NetlinkClient {
  private readonly transport: NetlinkTransport
  private readonly turn = new Mutex()
  private sequence = 0

  constructor(transport: NetlinkTransport) {
    this.transport = transport
  }

  /**
   * Sends all, in order, in as few datagrams as fit; reply i belongs to request i. Each request stands alone: those
   * behind a refused one are carried out. Never throws for a refusal or a failing socket.
   */
  send(requests: readonly Request[]): Promise<readonly Reply[]> {
    return this.turn.run(async () => {
      const replies: Reply[] = []
      for (const datagram of packRequests(requests, this.take(requests.length))) {
        replies.push(...(await this.exchange(datagram)))
      }
      return replies
    })
  }

  /**
   * Sends all as `send` does, but beside all other calls, at once: for deletions of links, which the kernel answers
   * long after it carried them out. What depends on them must not count on their order.
   */
  async sendAside(requests: readonly Request[]): Promise<readonly Reply[]> {
    const replies: Reply[] = []
    for (const datagram of packRequests(requests, this.take(requests.length))) {
      replies.push(...(await this.exchange(datagram, bytes => this.transport.exchangeAside(bytes))))
    }
    return replies
  }

  /**
   * All objects that the request asks for. Repeats until no change interrupted the dump.
   * @throws NetlinkError a refusal, `netlink.interrupted`, `netlink.no-reply`, `netlink.transport`
   */
  dump(request: Request): Promise<Message[]> {
    return this.turn.run(async () => {
      for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt += 1) {
        const answer = await this.dumpOnce(request)
        if (answer.end === undefined) throw noReply(request.what)
        if (answer.end.errno !== 0) throw refused(request.what, answer.end)
        if (!answer.interrupted) return answer.messages.filter(request.keeps ?? everything)
      }
      const found = `the table changed during each of ${DUMP_ATTEMPTS} dumps; try again when less is going on`
      throw failed(request.what, 'interrupted', found)
    })
  }

  /**
   * An nfnetlink transaction: the kernel carries out all requests or none. On success every reply is ok; else those
   * that were refused say why and the others are `netlink.rolled-back`. Nothing to send succeeds.
   */
  batch(requests: readonly Request[], options: BatchOptions = {}): Promise<readonly Reply[]> {
    return this.turn.run(async () => {
      if (requests.length === 0) return []
      const begin = this.take(requests.length + 2)
      const batch = encodeBatch(requests, begin, options.generation)
      try {
        return judgeBatch(batch, collectAnswers(batch, await this.transfer(batch)))
      } catch (cause) {
        return requests.map(({ what }) => ({ ok: false, error: transportError(what, cause) }))
      }
    })
  }

  close(): void {
    this.transport.close()
  }

  private async exchange(
    datagram: Datagram,
    transfer: (bytes: Uint8Array) => Promise<Uint8Array[]> | Uint8Array[] = () => this.transfer(datagram),
  ): Promise<Reply[]> {
    try {
      return repliesOf(datagram, collectAnswers(datagram, await transfer(datagram.bytes)))
    } catch (cause) {
      return datagram.requests.map(({ what }) => ({ ok: false, error: transportError(what, cause) }))
    }
  }

  private async dumpOnce(request: Request): Promise<Answer> {
    const datagram = packDump(request, this.take(1))
    try {
      const [answer] = collectAnswers(datagram, await this.transfer(datagram))
      return answer ?? { messages: [], end: undefined, interrupted: false }
    } catch (cause) {
      throw transportError(request.what, cause)
    }
  }

  private transfer({ bytes, slow }: Datagram): Promise<Uint8Array[]> | Uint8Array[] {
    return slow ? this.transport.exchangeInThread(bytes) : this.transport.exchange(bytes)
  }

  /** The first of `count` sequence numbers; 0 is the kernel's, for events. */
  private take(count: number): number {
    if (this.sequence + count > 0xffff_ffff) this.sequence = 0
    const first = this.sequence + 1
    this.sequence += count
    return first
  }
}

function repliesOf(datagram: Datagram, answers: readonly Answer[]): Reply[] {
  return datagram.requests.map((request, i) => replyOf(request, answers[i]))
}

/**
 * In a batch requests are acknowledged only if they fail, except for the last. Its acknowledgement says that the
 * rest succeeded too if nothing else says the contrary. The first and last of `batch` are begin and end.
 */
function judgeBatch(batch: Datagram, answers: readonly Answer[]): Reply[] {
  // No errors are made for what succeeds in silence: each would bear a stack.
  if (isCarriedOut(answers)) return answers.slice(1, -1).map(({ messages }) => ({ ok: true, messages }))
  const replies = repliesOf(batch, answers)
  const [begin] = replies
  const refusal = replies.find(isRefusal)
  return batch.requests.slice(1, -1).map(({ what }, i) => {
    const reply = replies[i + 1]
    if (reply !== undefined && isRefusal(reply)) return reply
    // An error at the begin is about the whole: privilege, generation, commit.
    if (begin !== undefined && isRefusal(begin))
      return { ok: false, error: refused(what, begin.error.payload) }
    return { ok: false, error: refusal === undefined ? noReply(what) : rolledBack(what, refusal.error) }
  })
}

function isCarriedOut(answers: readonly Answer[]): boolean {
  return answers.at(-2)?.end !== undefined && answers.every(({ end }) => (end?.errno ?? 0) === 0)
}

function isRefusal(reply: Reply): reply is Extract<Reply, { ok: false }> {
  return !reply.ok && reply.error.code !== 'netlink.no-reply'
}

function rolledBack(what: string, refusal: NetlinkError): NetlinkError {
  return failed(what, 'rolled-back', `not carried out, as the batch was refused: ${refusal.message}`)
}

const everything = () => true

function transportError(what: string, cause: unknown): NetlinkError {
  if (isMalformed(cause)) return cause
  return failed(what, 'transport', `the netlink socket failed: ${errorText(cause)}`, cause)
}

function isMalformed(error: unknown): error is NetlinkError {
  return error instanceof PodlaceError && (error.payload as NetlinkErrorPayload).code === 'netlink.malformed'
}
