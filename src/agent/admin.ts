import fs from 'node:fs'
import type http from 'node:http'
import { removeStaleSocket, socketError } from '../daemon/index.ts'
import { closeServer, type HealthView, healthPages, jsonPage, type Page, pageServer } from './pages.ts'

/** What the admin socket can tell; each function is asked anew for every request. */
export interface AdminView extends HealthView {
  readonly status: () => unknown
  readonly peers: () => unknown
  readonly entries: () => unknown
  readonly attachments: () => unknown
}

const pages: ReadonlyMap<string, Page<AdminView>> = new Map<string, Page<AdminView>>([
  ...healthPages,
  ['/status', async view => jsonPage(view.status())],
  ['/peers', async view => jsonPage(view.peers())],
  ['/entries', async view => jsonPage(view.entries())],
  ['/attachments', async view => jsonPage(view.attachments())],
])

/**
 * Serves the read-only pages over HTTP on a unix socket of mode 0600: state and reasons are for the node's
 * administrator, not for pods.
 */
export async function serveAdmin(socketPath: string, view: AdminView): Promise<{ close(): Promise<void> }> {
  await removeStaleSocket(socketPath)
  const server = pageServer(pages, view)
  await listen(server, socketPath)
  fs.chmodSync(socketPath, 0o600)
  return { close: () => closeServer(server) }
}

function listen(server: http.Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', error =>
      reject(socketError({ room: 'agent', what: 'admin', flag: '--admin-socket' }, socketPath, error)),
    )
    server.listen(socketPath, () => resolve())
  })
}
