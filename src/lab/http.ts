import { Agent, request } from 'node:http'
import { Socket } from 'node:net'
import { Netns, socketIn } from '../sys/index.ts'

/** Where an HTTP server listens: a unix socket, or TCP inside the namespace that `netns` names. */
export type HttpTarget =
  | { readonly socketPath: string }
  | { readonly netns: string; readonly host: string; readonly port: number }

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Milliseconds from the beginning to the end of the answer; default 5,000. */
  readonly timeoutMs?: number
}

export interface HttpResponse {
  readonly status: number
  readonly body: string
}

/** One request over a connection of its own; the lab asks seldom. Errors are the system's. */
export function httpRequest(target: HttpTarget, asked: HttpRequest): Promise<HttpResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>()
  const where =
    'socketPath' in target
      ? { socketPath: target.socketPath }
      : { host: target.host, port: target.port, agent: new NamespaceAgent(target) }
  const call = request({
    ...where,
    method: asked.method,
    path: asked.path,
    headers: { connection: 'close', ...asked.headers },
    signal: AbortSignal.timeout(asked.timeoutMs ?? 5_000),
  })
  call.on('error', reject)
  call.on('response', response => {
    const chunks: Buffer[] = []
    response.on('data', chunk => chunks.push(chunk))
    response.on('error', reject)
    response.on('end', () => {
      resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') })
    })
  })
  call.end(asked.body)
  return promise
}

/** Connects from inside another network namespace: the socket is made there, the rest is ordinary. */
class NamespaceAgent extends Agent {
  private readonly target: { readonly netns: string; readonly host: string; readonly port: number }

  constructor(target: { readonly netns: string; readonly host: string; readonly port: number }) {
    super({ keepAlive: false })
    this.target = target
  }

  override createConnection(): Socket {
    return connectIn(this.target.netns, this.target.host, this.target.port)
  }
}

/** A TCP connection begun inside the namespace at `netnsPath` (root only). */
function connectIn(netnsPath: string, host: string, port: number): Socket {
  using netns = Netns.open(netnsPath)
  const socket = new Socket({ fd: socketIn(netns, 'inet', 'stream') })
  return socket.connect({ host, port })
}
