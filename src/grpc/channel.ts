import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { Clock } from '../base/index.ts'
import { grpcError, malformed } from './errors.ts'
import { GrpcStream, type Method, type StreamOptions } from './stream.ts'

export interface ChannelOptions {
  /** For messages: `the runtime at /run/containerd/containerd.sock`. */
  readonly peer: string
  /** A new connection to it, which need not stand yet. */
  readonly connect: () => Duplex
  readonly clock: Clock
  /**
   * While calls are under way the connection is asked this often whether it lives, and ends if it does not answer
   * before the next time; not asked by default. A server ends connections that ask more often than it likes.
   */
  readonly pingMs?: number
}

export interface CallOptions extends StreamOptions {
  readonly timeoutMs: number
}

/** Calls to one server over one connection, which is made when it is needed, and again after it broke. */
export class GrpcChannel {
  private readonly options: ChannelOptions
  private session: ClientHttp2Session | undefined
  private underWay = 0

  constructor(options: ChannelOptions) {
    this.options = options
  }

  /**
   * A method that takes one message and answers with one.
   *
   * @throws GrpcError
   */
  async call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    { timeoutMs, metadata = {} }: CallOptions,
  ): Promise<Response> {
    const { peer, clock } = this.options
    const { path } = method
    const stream = this.stream(method, { metadata: { 'grpc-timeout': `${timeoutMs}m`, ...metadata } })
    const timer = clock.after(timeoutMs, () => {
      const message = `${peer} did not answer ${path} within ${timeoutMs} ms`
      stream.fail(grpcError(`call ${path}`, message, { code: 'grpc.timeout', method: path, timeoutMs }))
    })
    try {
      stream.send(request)
      stream.end()
      const answers: Response[] = []
      for await (const answer of stream) {
        if (answers.push(answer) > 1) throw malformed(`two answers to ${path}`)
      }
      const [answer] = answers
      if (answer === undefined) throw malformed(`no answer to ${path}`)
      return answer
    } finally {
      timer.cancel()
      stream.cancel()
    }
  }

  /** A method that takes and answers with any number of messages, for as long as both want. */
  stream<Request, Response>(
    method: Method<Request, Response>,
    options: StreamOptions = {},
  ): GrpcStream<Request, Response> {
    const stream = new GrpcStream(method, this.options.peer, this.liveSession(), options)
    this.underWay += 1
    stream.onClose(() => (this.underWay -= 1))
    return stream
  }

  /** Ends what is under way. The next call makes a new connection. */
  close(): void {
    this.session?.destroy()
    this.session = undefined
  }

  private liveSession(): ClientHttp2Session {
    // One that was ended tells so only later.
    if (this.session?.closed === false && !this.session.destroyed) return this.session
    const session = connectHttp2('http://localhost', { createConnection: this.options.connect })
    this.session = session
    const forget = () => {
      if (this.session === session) this.session = undefined
    }
    // The calls on it get the error. After a GOAWAY they may end well, and new ones need a new connection.
    session.on('error', forget)
    session.on('goaway', forget)
    session.on('close', forget)
    const { pingMs } = this.options
    if (pingMs !== undefined) this.watchOver(session, pingMs)
    return session
  }

  private watchOver(session: ClientHttp2Session, pingMs: number): void {
    let isSilent = false
    const look = () => {
      if (session.destroyed) return
      if (isSilent || session.connecting) {
        session.destroy(new Error(`nothing was heard for ${pingMs} ms`))
        return
      }
      if (this.underWay > 0) isSilent = session.ping(() => (isSilent = false))
      this.options.clock.after(pingMs, look)
    }
    this.options.clock.after(pingMs, look)
  }
}
