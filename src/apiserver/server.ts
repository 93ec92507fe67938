import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { errorText, PodlaceError } from '../base/index.ts'
import { type ApiHandler, type ApiHandlerOptions, createApiHandler } from './handler.ts'
import { RequestError } from './status.ts'
import { HttpWatchStream } from './watch-stream.ts'

export interface ApiServerOptions extends ApiHandlerOptions {
  /** A watcher that reads nothing for so long is cut off; default 30,000 ms. */
  readonly stallMs?: number
}

export interface ApiServer {
  /** Port 0 takes a free one. Throws apiserver.listen when the address cannot be had. */
  listen(port: number, host?: string): Promise<{ readonly port: number }>
  /** Ends all watches and connections. */
  close(): Promise<void>
}

/** The Kubernetes API over HTTP. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { clock, log, stallMs = 30_000 } = options
  const handler = createApiHandler(options)
  const server = createServer((incoming, out) => {
    const stream = new HttpWatchStream(out, { clock, log, stallMs })
    // what fails here is the sending: the client cannot be told
    serve(handler, incoming, out, stream).catch(() => out.destroy())
  })
  return {
    async listen(port, host = '127.0.0.1') {
      try {
        server.listen(port, host)
        await once(server, 'listening')
      } catch (error) {
        const message = `cannot listen on ${host} port ${port}: ${errorText(error)}. Is another server running there? Give another port`
        throw new PodlaceError(
          'start API server',
          message,
          { code: 'apiserver.listen', port, host },
          { cause: error },
        )
      }
      return { port: portOf(server.address()) }
    },
    async close() {
      handler.close()
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

async function serve(
  handler: ApiHandler,
  incoming: IncomingMessage,
  out: ServerResponse,
  stream: HttpWatchStream,
): Promise<void> {
  const { method = '', url: target = '', headers } = incoming
  const answer = await handler.handle({ method, target, headers, body: incoming }, stream)
  if (answer === undefined || out.destroyed) return
  out.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(answer.body) })
  out.end(method === 'HEAD' ? undefined : answer.body)
}

function portOf(address: AddressInfo | string | null): number {
  if (address !== null && typeof address === 'object') return address.port
  throw new RequestError(500, 'the server has no port')
}
