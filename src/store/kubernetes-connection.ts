import { readFileSync } from 'node:fs'
import { errorText } from '../base/index.ts'
import { storeError } from './errors.ts'

/** How to reach a Kubernetes API server, and as whom. */
export interface KubernetesConnection {
  /** `https://10.96.0.1:443` or `http://192.168.77.250:6443`; a path prefix is kept. */
  readonly server: string
  readonly token?: string
  /** Read again for every request, since such tokens are rotated. Goes before `token`. */
  readonly tokenFile?: string
  /** PEM; the system's authorities if there is none. */
  readonly ca?: string
  readonly caFile?: string
  /** PEM, both or none. */
  readonly clientCertificate?: string
  readonly clientKey?: string
  /** The name in the server's certificate, where it is not the one in `server`. */
  readonly tlsServerName?: string
  /** Anybody may then pose as the server. For labs. */
  readonly insecureSkipTlsVerify?: boolean
}

const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount'

/** The connection that a pod's service account gives. Throws store.config outside of a cluster. */
export function inClusterConnection(
  environment: Readonly<Record<string, string | undefined>>,
  directory = serviceAccount,
): KubernetesConnection {
  const host = environment['KUBERNETES_SERVICE_HOST']
  const port = environment['KUBERNETES_SERVICE_PORT'] ?? '443'
  if (host === undefined || host === '') {
    const message =
      'KUBERNETES_SERVICE_HOST is not set: this is no pod of a cluster; give the server or a kubeconfig'
    throw storeError('find the cluster', message, { code: 'store.config' })
  }
  const bracketed = host.includes(':') ? `[${host}]` : host
  return {
    server: `https://${bracketed}:${port}`,
    tokenFile: `${directory}/token`,
    caFile: `${directory}/ca.crt`,
  }
}

/** Reads a small text file that a connection names. Throws store.config. */
export function readConnectionFile(what: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const message = `cannot read the ${what} ${path}: ${errorText(error)}`
    throw storeError('connect to the API server', message, { code: 'store.config', path }, error)
  }
}
