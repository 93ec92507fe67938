import http from 'node:http'

export interface HealthOptions {
  readonly host: string
  readonly port: number
  /** Empty text: ready; else what is missing, in words. */
  readonly notReady: () => string
}

/** For who asks over the network, such as a kubelet: `/healthz` while we live, `/readyz` as soon as pods can be attached. */
export async function serveHealth({
  host,
  port,
  notReady,
}: HealthOptions): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = http.createServer((request, response) => {
    const path = request.url?.split('?', 1)[0]
    const lacks = path === '/readyz' ? notReady() : ''
    const status = path !== '/healthz' && path !== '/readyz' ? 404 : lacks === '' ? 200 : 503
    const text = status === 404 ? 'asked for neither /healthz nor /readyz' : lacks || 'ok'
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve())
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
