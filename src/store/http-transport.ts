import * as http from 'node:http'
import * as https from 'node:https'
import { storeError } from './errors.ts'
import { type KubernetesConnection, readConnectionFile } from './kubernetes-connection.ts'
import type { KubernetesRequest, KubernetesResponse, KubernetesTransport } from './kubernetes-transport.ts'

/**
 * HTTP to one API server: short calls over kept-alive connections, streams over their own. By node:http(s), as fetch
 * takes no certificate authority.
 */
export class HttpTransport implements KubernetesTransport {
  private readonly connection: KubernetesConnection
  private readonly base: URL
  private readonly agent: http.Agent
  private readonly tls: https.AgentOptions

  /** Throws store.config for a server or files that cannot be used. */
  constructor(connection: KubernetesConnection) {
    this.connection = connection
    this.base = parseServer(connection.server)
    this.tls = tlsOptions(connection)
    const pool = { keepAlive: true, maxSockets: 16, maxFreeSockets: 2 }
    this.agent =
      this.base.protocol === 'https:' ? new https.Agent({ ...pool, ...this.tls }) : new http.Agent(pool)
  }

  get server(): string {
    return this.base.origin
  }

  async open(
    request: KubernetesRequest,
    use: 'call' | 'stream',
    signal: AbortSignal,
  ): Promise<KubernetesResponse> {
    const response = await this.send(request, use, signal)
    return {
      status: response.statusCode ?? 0,
      retryAfterMs: retryAfterMs(response),
      body: response.setEncoding('utf8'),
    }
  }

  close(): void {
    this.agent.destroy()
  }

  private send(
    asked: KubernetesRequest,
    use: 'call' | 'stream',
    signal: AbortSignal,
  ): Promise<http.IncomingMessage> {
    const url = new URL(`${this.base.pathname.replace(/\/$/, '')}${asked.path}`, this.base)
    const secure = url.protocol === 'https:'
    const body = asked.body === undefined ? undefined : JSON.stringify(asked.body)
    const options = {
      method: asked.method,
      headers: this.headers(asked, body),
      signal,
      ...(use === 'call' ? { agent: this.agent } : secure ? this.tls : { agent: false }),
    }
    return new Promise((resolve, reject) => {
      const request = (secure ? https.request : http.request)(url, options, resolve)
      request.on('error', reject)
      // a peer that vanished without a word is noticed by the kernel
      request.on('socket', socket => socket.setKeepAlive(true, 15_000))
      request.end(body)
    })
  }

  private headers(asked: KubernetesRequest, body: string | undefined): Record<string, string | number> {
    const { token, tokenFile } = this.connection
    const bearer = tokenFile === undefined ? token : readConnectionFile('token file', tokenFile).trim()
    return {
      accept: 'application/json',
      'user-agent': 'podlace',
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...(body === undefined
        ? {}
        : {
            'content-type': asked.contentType ?? 'application/json',
            'content-length': Buffer.byteLength(body),
          }),
    }
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
