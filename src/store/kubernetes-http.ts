import * as http from 'node:http'
import * as https from 'node:https'
import type { Clock } from '../base/index.ts'
import { storeError } from './errors.ts'
import { type KubernetesConnection, readConnectionFile } from './kubernetes-connection.ts'

export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With query, below the server's URL. */
  readonly path: string
  readonly body?: unknown
  readonly contentType?: string
  readonly signal?: AbortSignal | undefined
  /** What is asked, for messages: `update Node worker-2`. */
  readonly op: string
}

export interface HttpAnswer {
  readonly status: number
  readonly retryAfterMs: number | undefined
  readonly text: string
}

/** One answer larger than this (an endless body, a line without an end) is a fault of the server. */
const maxAnswerCharacters = 256 * 1024 * 1024
const maxLineCharacters = 16 * 1024 * 1024

/**
 * HTTP to one API server: short calls over kept-alive connections, and streams of lines. Both go over node:http(s),
 * as fetch takes no certificate authority. Everything that keeps an answer from coming is store.unavailable.
 */
export class KubernetesHttp {
  private readonly connection: KubernetesConnection
  private readonly clock: Clock
  private readonly base: URL
  private readonly agent: http.Agent
  private readonly tls: https.AgentOptions

  constructor(connection: KubernetesConnection, clock: Clock) {
    this.connection = connection
    this.clock = clock
    this.base = parseServer(connection.server)
    this.tls = tlsOptions(connection)
    const pool = { keepAlive: true, maxSockets: 16, maxFreeSockets: 2 }
    this.agent =
      this.base.protocol === 'https:' ? new https.Agent({ ...pool, ...this.tls }) : new http.Agent(pool)
  }

  /** The whole answer, whatever its status. `timeoutMs` covers everything from connecting to the last byte. */
  async call(call: HttpCall, timeoutMs: number): Promise<HttpAnswer> {
    const guard = this.deadline(timeoutMs, call.signal, `no answer within ${timeoutMs} ms`)
    try {
      const response = await this.open(call, guard.signal, this.agent)
      let text = ''
      for await (const chunk of response.setEncoding('utf8')) {
        text += String(chunk)
        if (text.length > maxAnswerCharacters) throw new Error('the answer does not end')
      }
      return { status: response.statusCode ?? 0, retryAfterMs: retryAfterMs(response), text }
    } catch (error) {
      throw this.unavailable(call.op, guard.reason ?? error)
    } finally {
      guard.cancel()
    }
  }

  /**
   * The lines of an answer as they come. `onAnswer` sees the status first; a status that is not 200 is for the caller to
   * judge by the lines. Ends when the server ends it; a stream silent for `idleMs` has failed.
   */
  async *lines(call: HttpCall, idleMs: number, onAnswer: (status: number) => void): AsyncGenerator<string> {
    const stream = new AbortController()
    let silence: Error | undefined
    const give = () => stream.abort()
    const giveUp = () => {
      silence = new Error(`nothing heard for ${idleMs} ms`)
      give()
    }
    let timer = this.clock.after(idleMs, giveUp)
    call.signal?.addEventListener('abort', give, { once: true })
    if (call.signal?.aborted === true) give()
    try {
      const response = await this.open(
        call,
        stream.signal,
        this.base.protocol === 'https:' ? undefined : false,
      )
      onAnswer(response.statusCode ?? 0)
      let rest = ''
      for await (const chunk of response.setEncoding('utf8')) {
        timer.cancel()
        const complete = (rest + String(chunk)).split('\n')
        rest = complete.pop() ?? ''
        if (rest.length > maxLineCharacters) throw new Error('a line of the watch does not end')
        yield* complete
        // started only now: the time that a slow consumer took is not the server's silence
        timer = this.clock.after(idleMs, giveUp)
      }
      if (rest !== '') yield rest
    } catch (error) {
      if (call.signal?.aborted === true) return
      throw this.unavailable(call.op, silence ?? error)
    } finally {
      timer.cancel()
      call.signal?.removeEventListener('abort', give)
      give()
    }
  }

  close(): void {
    this.agent.destroy()
  }

  private open(
    call: HttpCall,
    signal: AbortSignal,
    agent: http.Agent | false | undefined,
  ): Promise<http.IncomingMessage> {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body)
    const options = {
      method: call.method,
      headers: this.headers(call, body),
      signal,
      ...(agent === undefined ? this.tls : { agent }),
    }
    const url = new URL(`${this.base.pathname.replace(/\/$/, '')}${call.path}`, this.base)
    return new Promise((resolve, reject) => {
      const send = url.protocol === 'https:' ? https.request : http.request
      const request = send(url, options, resolve)
      request.on('error', reject)
      // a peer that vanished without a word is noticed by the kernel
      request.on('socket', socket => socket.setKeepAlive(true, 15_000))
      request.end(body)
    })
  }

  private headers(call: HttpCall, body: string | undefined): Record<string, string | number> {
    const { token, tokenFile } = this.connection
    const bearer = tokenFile === undefined ? token : readConnectionFile('token file', tokenFile).trim()
    return {
      accept: 'application/json',
      'user-agent': 'podlace',
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...(body === undefined
        ? {}
        : {
            'content-type': call.contentType ?? 'application/json',
            'content-length': Buffer.byteLength(body),
          }),
    }
  }

  private deadline(timeoutMs: number, outer: AbortSignal | undefined, reason: string) {
    const controller = new AbortController()
    const state: { signal: AbortSignal; reason?: Error; cancel(): void } = {
      signal: controller.signal,
      cancel() {
        timer.cancel()
        outer?.removeEventListener('abort', onAbort)
      },
    }
    const timer = this.clock.after(timeoutMs, () => {
      state.reason = new Error(reason)
      controller.abort()
    })
    const onAbort = () => controller.abort()
    if (outer?.aborted === true) controller.abort()
    outer?.addEventListener('abort', onAbort, { once: true })
    return state
  }

  private unavailable(op: string, error: unknown): Error {
    if (error instanceof Error && 'payload' in error) return error
    const message = `cannot ${op}: the API server ${this.base.origin} cannot be reached or does not answer`
    return storeError(op, message, { code: 'store.unavailable' }, error)
  }
}

function parseServer(server: string): URL {
  const url = URL.parse(server)
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return url
  const message = `the API server is "${server}", expected a URL like https://10.96.0.1:443`
  throw storeError('connect to the API server', message, { code: 'store.config' })
}

function tlsOptions(connection: KubernetesConnection): https.AgentOptions {
  const { ca, caFile, clientCertificate, clientKey, tlsServerName, insecureSkipTlsVerify } = connection
  const authority = caFile === undefined ? ca : readConnectionFile('certificate authority', caFile)
  return {
    ...(authority === undefined ? {} : { ca: authority }),
    ...(clientCertificate === undefined ? {} : { cert: clientCertificate }),
    ...(clientKey === undefined ? {} : { key: clientKey }),
    ...(tlsServerName === undefined ? {} : { servername: tlsServerName }),
    ...(insecureSkipTlsVerify === true ? { rejectUnauthorized: false } : {}),
  }
}

function retryAfterMs(response: http.IncomingMessage): number | undefined {
  const seconds = Number(response.headers['retry-after'])
  return Number.isFinite(seconds) ? seconds * 1_000 : undefined
}
