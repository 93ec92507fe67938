import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { type Clock, errorText, type Logger, PodlaceError } from '../base/index.ts'
import { allKinds } from '../model/index.ts'
import type { Store } from '../store/index.ts'
import { type AccessToken, Authenticator } from './auth.ts'
import { addDiscovery } from './discovery.ts'
import { addRoutes, type Env } from './routes.ts'
import { RequestError, type Status, statusBody, statusOf } from './status.ts'

export interface ApiServerOptions {
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
  /** Who may come in; without it everybody may do everything (tests, or a socket nobody else reaches). */
  readonly tokens?: readonly AccessToken[]
  /** Ours, shown by /version; default `0`. */
  readonly version?: string
  /** A watcher that reads nothing for so long is cut off; default 30,000 ms. */
  readonly stallMs?: number
}

export interface ApiServer {
  /** Port 0 takes a free one. Throws apiserver.listen when the address cannot be had. */
  listen(port: number, host?: string): Promise<{ readonly port: number }>
  /** Ends all watches and connections. */
  close(): Promise<void>
}

/** These say nothing about the cluster and are asked by probes that have no token. */
const openPaths: ReadonlySet<string> = new Set(['/healthz', '/livez', '/readyz', '/version'])

/** A Kubernetes API over any store: what the kind table lists, with list, watch, create, update, patch and delete. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const stopping = new AbortController()
  const app = createApp(options, stopping.signal)
  // hono's adaptor would replace the process's Request and Response; nothing global is ours to replace
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false })
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
      stopping.abort()
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      if ('closeAllConnections' in server) server.closeAllConnections()
      await closed
    },
  }
}

function createApp(options: ApiServerOptions, signal: AbortSignal): Hono<Env> {
  const { store, clock, log, stallMs = 30_000 } = options
  const authenticator = new Authenticator(options.tokens)
  const app = new Hono<Env>()
  app.use(async (c, next) => {
    const writes = c.req.method !== 'GET' && c.req.method !== 'HEAD'
    if (!openPaths.has(c.req.path)) authenticator.authorize(c.req.header('authorization'), writes)
    await next()
  })
  app.get('/healthz', c => c.text('ok'))
  app.get('/livez', c => c.text('ok'))
  app.get('/readyz', async c => {
    await store.list('NetworkConfig')
    return c.text('ok')
  })
  addDiscovery(app, options.version ?? '0')
  const services = { store, clock, log, signal, stallMs, texts: new WeakMap() }
  for (const info of allKinds()) addRoutes(app, info, services)
  app.notFound(c => respond(unknownPath(c.req.method, c.req.path)))
  app.onError((error, c) => {
    const status = statusOf(error)
    if (status.code >= 500) log.error(`${c.req.method} ${c.req.path} failed`, { error: errorText(error) })
    return respond(status)
  })
  return app
}

function unknownPath(method: string, path: string): Status {
  return statusBody(404, `the server could not find the requested resource (${method} ${path})`)
}

function respond(status: Status): Response {
  const headers = new Headers({ 'content-type': 'application/json' })
  if (status.code === 401) headers.set('www-authenticate', 'Bearer realm="podlace"')
  if (status.details?.retryAfterSeconds !== undefined) {
    headers.set('retry-after', String(status.details.retryAfterSeconds))
  }
  return new Response(JSON.stringify(status), { status: status.code, headers })
}

function portOf(address: AddressInfo | string | null): number {
  if (address !== null && typeof address === 'object') return address.port
  throw new RequestError(500, 'the server has no port')
}
