import type { Clock } from '../base/index.ts'
import { Deadline } from './deadline.ts'
import { storeError } from './errors.ts'
import type { KubernetesRequest, KubernetesResponse, KubernetesTransport } from './kubernetes-transport.ts'

export interface HttpAnswer {
  readonly status: number
  readonly retryAfterMs: number | undefined
  readonly text: string
}

/** The head of an answer whose lines follow. */
export type HttpHead = Pick<KubernetesResponse, 'status' | 'retryAfterMs'>

/** One answer larger than this (an endless body, a line without an end) is a fault of the server. */
const maxAnswerCharacters = 256 * 1024 * 1024
const maxLineCharacters = 16 * 1024 * 1024

/**
 * Calls and streams of lines over a transport, each with its deadline. Everything that keeps an answer from coming is
 * store.unavailable.
 */
export class KubernetesHttp {
  private readonly transport: KubernetesTransport
  private readonly clock: Clock

  constructor(transport: KubernetesTransport, clock: Clock) {
    this.transport = transport
    this.clock = clock
  }

  /** The whole answer, whatever its status. `timeoutMs` covers everything from connecting to the last byte. */
  async call(request: KubernetesRequest, timeoutMs: number): Promise<HttpAnswer> {
    const deadline = new Deadline(this.clock, request.signal)
    deadline.limit(timeoutMs, `no answer within ${timeoutMs} ms`)
    try {
      const { status, retryAfterMs, body } = await this.transport.open(request, 'call', deadline.signal)
      let text = ''
      for await (const piece of body) {
        text += piece
        if (text.length > maxAnswerCharacters) throw new Error('the answer does not end')
      }
      return { status, retryAfterMs, text }
    } catch (error) {
      throw this.unavailable(request.op, deadline.passed ?? error)
    } finally {
      deadline.end()
    }
  }

  /**
   * The lines of an answer as they come. `onHead` sees the head first; a status that is not 200 is for the caller to
   * judge by the lines. Ends when the server ends it; a stream silent for `idleMs` has failed, and so has one whose head
   * does not come within `headMs`.
   */
  async *lines(
    request: KubernetesRequest,
    { headMs, idleMs }: { readonly headMs: number; readonly idleMs: number },
    onHead: (head: HttpHead) => void,
  ): AsyncGenerator<string> {
    const deadline = new Deadline(this.clock, request.signal)
    const silence = `nothing heard for ${idleMs} ms`
    deadline.limit(headMs, `no answer within ${headMs} ms`)
    try {
      const { body, ...head } = await this.transport.open(request, 'stream', deadline.signal)
      deadline.limit(idleMs, silence)
      onHead(head)
      let rest = ''
      for await (const piece of body) {
        deadline.unlimit()
        const complete = (rest + piece).split('\n')
        rest = complete.pop() ?? ''
        if (rest.length > maxLineCharacters) throw new Error('a line of the watch does not end')
        yield* complete
        // started only now: the time that a slow consumer took is not the server's silence
        deadline.limit(idleMs, silence)
      }
      if (rest !== '') yield rest
    } catch (error) {
      if (request.signal?.aborted === true) return
      throw this.unavailable(request.op, deadline.passed ?? error)
    } finally {
      deadline.end()
    }
  }

  close(): void {
    this.transport.close()
  }

  private unavailable(op: string, error: unknown): Error {
    if (error instanceof Error && 'payload' in error) return error
    const message = `cannot ${op}: the API server ${this.transport.server} cannot be reached or does not answer`
    return storeError(op, message, { code: 'store.unavailable' }, error)
  }
}
