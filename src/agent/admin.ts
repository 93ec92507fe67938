import fs from 'node:fs'
import http from 'node:http'
import { errorText } from '../base/index.ts'
import { removeStaleSocket, socketError } from '../daemon/index.ts'

/** What the admin socket can tell; each function is asked anew for every request. */
export interface AdminView {
  /** Empty text: ready; else what is missing, in words. */
  readonly notReady: () => string
  readonly status: () => unknown
  readonly peers: () => unknown
  readonly entries: () => unknown
  readonly attachments: () => unknown
  readonly metrics: () => Promise<string>
}

type Page = (view: AdminView) => Promise<{ status: number; type: string; body: string }>

const json = (value: unknown) => ({
  status: 200,
  type: 'application/json',
  body: `${JSON.stringify(value)}\n`,
})
const text = (status: number, body: string) => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${body}\n`,
})

const pages = new Map<string, Page>([
  ['/healthz', async () => text(200, 'ok')],
  ['/readyz', async view => (view.notReady() === '' ? text(200, 'ok') : text(503, view.notReady()))],
  ['/status', async view => json(view.status())],
  ['/peers', async view => json(view.peers())],
  ['/entries', async view => json(view.entries())],
  ['/attachments', async view => json(view.attachments())],
  ['/metrics', async view => ({ ...text(200, ''), body: await view.metrics() })],
])

/**
 * Serves the read-only pages over HTTP on a unix socket of mode 0600: state and reasons are for the node's
 * administrator, not for pods.
 */
export async function serveAdmin(socketPath: string, view: AdminView): Promise<{ close(): Promise<void> }> {
  await removeStaleSocket(socketPath)
  const server = http.createServer((request, response) => {
    answer(view, request).then(
      page => response.writeHead(page.status, { 'content-type': page.type }).end(page.body),
      (error: unknown) => response.writeHead(500).end(`${errorText(error)}\n`),
    )
  })
  await listen(server, socketPath)
  fs.chmodSync(socketPath, 0o600)
  return {
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(view: AdminView, request: http.IncomingMessage): ReturnType<Page> {
  if (request.method !== 'GET') return text(405, 'only GET is known here')
  const [path = ''] = (request.url ?? '').split('?')
  const page = pages.get(path)
  return page === undefined
    ? text(404, `no page ${path}; there are ${[...pages.keys()].join(' ')}`)
    : page(view)
}

function listen(server: http.Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', error =>
      reject(socketError({ room: 'agent', what: 'admin', flag: '--admin-socket' }, socketPath, error)),
    )
    server.listen(socketPath, () => resolve())
  })
}
