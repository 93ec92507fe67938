import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2'
import { connect } from 'node:net'
import { type Clock, errorText } from '../base/index.ts'
import { criError, malformed } from './errors.ts'

/** A method that takes one message and answers with one. */
export interface UnaryMethod<Request, Response> {
  /** `/package.Service/Method` */
  readonly path: string
  readonly request: { encode(value: Request): Uint8Array }
  readonly response: { decode(bytes: Uint8Array): Response }
}

export interface CallOptions {
  readonly socketPath: string
  readonly clock: Clock
  readonly timeoutMs: number
}

/** As much as a server may answer; what containerd sends at most. */
const ANSWER_LIMIT = 16 * 1024 * 1024

interface Answer {
  readonly headers: IncomingHttpHeaders
  readonly trailers: IncomingHttpHeaders
  readonly body: Buffer
}

/**
 * One gRPC call over a unix socket, on a connection of its own (gRPC over HTTP/2, `PROTOCOL-HTTP2.md` of grpc).
 *
 * @throws CriError
 */
export async function callUnary<Request, Response>(
  method: UnaryMethod<Request, Response>,
  request: Request,
  options: CallOptions,
): Promise<Response> {
  const { headers, trailers, body } = await exchange(
    method.path,
    frame(method.request.encode(request)),
    options,
  )
  // An answer without a message has its status in the headers.
  const ends = 'grpc-status' in trailers ? trailers : headers
  const grpcStatus = Number(ends['grpc-status'])
  if (!Number.isInteger(grpcStatus)) throw malformed(`${method.path} answered without a gRPC status`)
  if (grpcStatus === 0) return method.response.decode(unframe(body))
  const text = reasonIn(ends)
  const message = `the runtime at ${options.socketPath} refused ${method.path} with status ${grpcStatus}: ${text}`
  throw criError(`call ${method.path}`, message, { code: 'cri.refused', method: method.path, grpcStatus })
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

function exchange(
  path: string,
  body: Uint8Array,
  { socketPath, clock, timeoutMs }: CallOptions,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const op = `call ${path}`
  const fail = (cause: unknown) => {
    const message = `cannot reach the runtime at ${socketPath} for ${path}: ${errorText(cause)}`
    reject(criError(op, message, { code: 'cri.unreachable', method: path }, cause))
  }
  const session = connectHttp2('http://localhost', { createConnection: () => connect(socketPath) })
  const timer = clock.after(timeoutMs, () => {
    const message = `the runtime at ${socketPath} did not answer ${path} within ${timeoutMs} ms`
    reject(criError(op, message, { code: 'cri.timeout', method: path, timeoutMs }))
  })
  session.on('error', fail)
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    'grpc-timeout': `${timeoutMs}m`,
  })
  const chunks: Buffer[] = []
  let [size, headers, trailers]: [number, IncomingHttpHeaders, IncomingHttpHeaders] = [0, {}, {}]
  stream.on('response', received => (headers = received))
  stream.on('trailers', received => (trailers = received))
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > ANSWER_LIMIT) reject(malformed(`an answer to ${path} of more than ${ANSWER_LIMIT} bytes`))
    else chunks.push(chunk)
  })
  stream.on('error', fail)
  stream.on('close', () => resolve({ headers, trailers, body: Buffer.concat(chunks) }))
  stream.end(body)
  return promise.finally(() => {
    timer.cancel()
    session.destroy()
  })
}

/** A message on the stream: a byte that says it is not compressed, its length, itself. */
function frame(message: Uint8Array): Uint8Array {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

function unframe(body: Buffer): Uint8Array {
  if (body.length < 5) throw malformed(`an answer of ${body.length} bytes`)
  if (body[0] !== 0) throw malformed('a compressed answer, which was not asked for')
  const length = body.readUInt32BE(1)
  if (body.length !== 5 + length) throw malformed(`a message of ${length} bytes in ${body.length - 5}`)
  return body.subarray(5)
}
