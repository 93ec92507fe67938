import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2'
import { errorText, PodlaceError } from '../base/index.ts'
import { grpcError, malformed } from './errors.ts'
import { frame, Unframer } from './frames.ts'

/** A method of a service: its name, and how its messages are written and read. */
export interface Method<Request, Response> {
  /** `/package.Service/Method` */
  readonly path: string
  readonly request: { encode(value: Request): Uint8Array }
  readonly response: { decode(bytes: Uint8Array): Response }
}

export interface StreamOptions {
  /** Headers besides those of gRPC. */
  readonly metadata?: Readonly<Record<string, string>>
}

/**
 * One call: messages go out by `send`, and come in by iterating, which ends when the server ends it well
 * (gRPC over HTTP/2, `PROTOCOL-HTTP2.md` of grpc). Iterating once is all that it can.
 */
export class GrpcStream<Request, Response> {
  private readonly method: Method<Request, Response>
  private readonly peer: string
  private readonly session: ClientHttp2Session
  private readonly stream: ClientHttp2Stream
  private readonly closed: Promise<void>
  private headers: IncomingHttpHeaders = {}
  private trailers: IncomingHttpHeaders = {}
  private failure: Error | undefined

  constructor(
    method: Method<Request, Response>,
    peer: string,
    session: ClientHttp2Session,
    { metadata = {} }: StreamOptions,
  ) {
    this.method = method
    this.peer = peer
    this.session = session
    this.stream = session.request({
      ':method': 'POST',
      ':path': method.path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...metadata,
    })
    this.closed = new Promise(resolve => this.stream.once('close', resolve))
    this.stream.on('response', received => (this.headers = received))
    this.stream.on('trailers', received => (this.trailers = received))
    // Whoever iterates gets it.
    this.stream.on('error', () => {})
  }

  send(request: Request): void {
    this.stream.write(frame(this.method.request.encode(request)))
  }

  /** Nothing more is sent. */
  end(): void {
    this.stream.end()
  }

  /** Calls `fn` once, when nothing more can come. */
  onClose(fn: () => void): void {
    void this.closed.then(fn)
  }

  /** The server need not go on. */
  cancel(): void {
    this.stream.destroy()
  }

  /** Ends it: whoever iterates gets this error. */
  fail(error: Error): void {
    this.failure ??= error
    this.stream.destroy()
  }

  /** @throws GrpcError, or what `fail` was given */
  async *[Symbol.asyncIterator](): AsyncGenerator<Response, void> {
    const { response } = this.method
    const unframer = new Unframer()
    try {
      for await (const chunk of this.stream) {
        for (const message of unframer.take(chunk)) yield response.decode(message)
      }
      unframer.end()
      // The status comes behind the last message.
      await this.closed
    } catch (cause) {
      if (this.failure !== undefined) throw this.failure
      if (cause instanceof PodlaceError) throw cause
      throw this.unreachable(cause)
    }
    this.failure ??= this.refusal()
    if (this.failure !== undefined) throw this.failure
  }

  private unreachable(cause: unknown): Error {
    const { path } = this.method
    // A call that is waiting for its connection is told the connection's error in this way.
    const reason = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause
    const message = `cannot reach ${this.peer} for ${path}: ${errorText(reason)}`
    const sent = !this.session.connecting
    return grpcError(`call ${path}`, message, { code: 'grpc.unreachable', method: path, sent }, cause)
  }

  private refusal(): Error | undefined {
    const { path } = this.method
    // An answer without a message has its status in the headers.
    const ends = 'grpc-status' in this.trailers ? this.trailers : this.headers
    const grpcStatus = Number(ends['grpc-status'])
    if (!Number.isInteger(grpcStatus)) {
      const isWhole = this.headers[':status'] !== undefined && !this.stream.aborted
      if (!isWhole) return this.unreachable(new Error('the connection broke'))
      return malformed(`${path} answered without a gRPC status`)
    }
    if (grpcStatus === 0) return undefined
    const message = `${this.peer} refused ${path} with status ${grpcStatus}: ${reasonIn(ends)}`
    return grpcError(`call ${path}`, message, { code: 'grpc.refused', method: path, grpcStatus })
  }
}

/** The status in words, percent-encoded on the wire. */
function reasonIn(ends: IncomingHttpHeaders): string {
  const encoded = String(ends['grpc-message'] ?? '')
  try {
    return decodeURIComponent(encoded)
  } catch {
    return encoded
  }
}
