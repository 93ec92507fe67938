import http from 'node:http'
import { errorText } from '../base/index.ts'

export interface PageAnswer {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** What a page says; asked anew for every request. */
export type Page<View> = (view: View) => Promise<PageAnswer>

/** What an agent tells whoever may ask. */
export interface HealthView {
  /** Empty text: ready; else what is missing, in words. */
  readonly notReady: () => string
  readonly metrics: () => Promise<string>
}

/** `/healthz` is good while we live, `/readyz` as soon as pods can be attached. */
export const healthPages: ReadonlyMap<string, Page<HealthView>> = new Map<string, Page<HealthView>>([
  ['/healthz', async () => textPage(200, 'ok')],
  [
    '/readyz',
    async view => {
      const missing = view.notReady()
      return missing === '' ? textPage(200, 'ok') : textPage(503, missing)
    },
  ],
  ['/metrics', async view => ({ ...textPage(200, ''), body: await view.metrics() })],
])

function textPage(status: number, body: string): PageAnswer {
  return { status, type: 'text/plain; charset=utf-8', body: `${body}\n` }
}

export function jsonPage(value: unknown): PageAnswer {
  return { status: 200, type: 'application/json', body: `${JSON.stringify(value)}\n` }
}

/** An HTTP server, which does not listen yet, that can be read from only. */
export function pageServer<View>(
  pages: ReadonlyMap<string, Page<View>>,
  view: View,
  options: http.ServerOptions = {},
): http.Server {
  return http.createServer(options, (request, response) => {
    answer(pages, view, request).then(
      page => response.writeHead(page.status, { 'content-type': page.type }).end(page.body),
      (error: unknown) => response.writeHead(500).end(`${errorText(error)}\n`),
    )
  })
}

/** Resolves when nobody is connected any more. */
export function closeServer(server: http.Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

async function answer<View>(
  pages: ReadonlyMap<string, Page<View>>,
  view: View,
  request: http.IncomingMessage,
): Promise<PageAnswer> {
  if (request.method !== 'GET') return textPage(405, 'only GET is known here')
  const [path = ''] = (request.url ?? '').split('?')
  const page = pages.get(path)
  return page === undefined
    ? textPage(404, `no page ${path}; there are ${[...pages.keys()].join(' ')}`)
    : page(view)
}
