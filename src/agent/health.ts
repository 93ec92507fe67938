import { PodlaceError } from '../base/index.ts'
import { closeServer, type HealthView, healthPages, pageServer } from './pages.ts'

export interface HealthAddress {
  readonly host: string
  /** 0 lets the kernel choose. */
  readonly port: number
}

/** Anybody may connect, and each connection takes a descriptor that a pod may need. */
const MOST_CONNECTIONS = 100
/** What who connects is given to say what he wants, and to take more of the answer. */
const PATIENCE_MS = 5_000

/**
 * For who asks over the network, such as a kubelet or a Prometheus: `/healthz`, `/readyz`, `/metrics`. Throws
 * `agent.health` if the address cannot be listened at.
 *
 * @param patienceMs shorter for tests
 */
export async function serveHealth(
  { host, port }: HealthAddress,
  view: HealthView,
  patienceMs = PATIENCE_MS,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = pageServer(healthPages, view, {
    requestTimeout: patienceMs,
    connectionsCheckingInterval: patienceMs / 5,
  })
  server.timeout = patienceMs
  server.maxConnections = MOST_CONNECTIONS
  await new Promise<void>((resolve, reject) => {
    server.once('error', cause => {
      const message = `cannot serve health at ${host} port ${port}: --healthz-ip must be an address of this node, and --healthz-port free and, without more rights, above 1023`
      const op = `listen at ${host} port ${port}`
      reject(new PodlaceError(op, message, { code: 'agent.health' }, { cause }))
    })
    server.listen(port, host, () => resolve())
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () => closeServer(server),
  }
}
