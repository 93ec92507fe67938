import { dirname, resolve } from 'node:path'
import { errorText } from '../base/index.ts'
import { storeError } from './errors.ts'
import { type KubernetesConnection, readConnectionFile } from './kubernetes-connection.ts'
import { isJsonObject } from './merge-patch.ts'

type Section = { readonly [key: string]: unknown }

/**
 * Reads the connection of a context (default: the current one) from a kubeconfig file. Tokens, client certificates and
 * authorities are understood, inline or as files; plugins that fetch credentials are refused. Throws store.config.
 */
export async function readKubeconfig(path: string, contextName?: string): Promise<KubernetesConnection> {
  // loaded only by who has a kubeconfig: an agent in a cluster never needs YAML
  const { parse } = await import('yaml')
  const refuse = (message: string) =>
    storeError(`read ${path}`, `kubeconfig ${path}: ${message}`, { code: 'store.config', path })
  let config: unknown
  try {
    // warnings would go to the process, and quote the file
    config = parse(readConnectionFile('kubeconfig', path), { logLevel: 'error' })
  } catch (error) {
    // behind its first line the parser's message quotes the file as well, where tokens and keys stand
    throw refuse(errorText(error).split('\n', 1).join(''))
  }
  if (!isJsonObject(config)) throw refuse('expected a map, found something else')
  const wanted = contextName ?? text(config, 'current-context')
  if (wanted === undefined) throw refuse('no context was given and current-context is not set')
  const context = named(config, 'contexts', 'context', wanted)
  if (context === undefined) throw refuse(`there is no context "${wanted}"`)
  const cluster = named(config, 'clusters', 'cluster', text(context, 'cluster') ?? '')
  const user = named(config, 'users', 'user', text(context, 'user') ?? '') ?? {}
  const server = cluster === undefined ? undefined : text(cluster, 'server')
  if (cluster === undefined || server === undefined)
    throw refuse(`the cluster of context "${wanted}" has no server`)
  for (const plugin of ['exec', 'auth-provider']) {
    if (user[plugin] !== undefined)
      throw refuse(`users that get credentials by "${plugin}" are not supported; use a token`)
  }
  return connectionOf(server, cluster, user, dirname(path))
}

function connectionOf(
  server: string,
  cluster: Section,
  user: Section,
  directory: string,
): KubernetesConnection {
  const file = (section: Section, field: string) => {
    const found = text(section, field)
    return found === undefined ? undefined : resolve(directory, found)
  }
  const pem = (section: Section, field: string) => {
    const inline = text(section, `${field}-data`)
    if (inline !== undefined) return Buffer.from(inline, 'base64').toString('utf8')
    const path = file(section, field)
    return path === undefined ? undefined : readConnectionFile(field, path)
  }
  return withoutUndefined({
    server,
    token: text(user, 'token'),
    tokenFile: file(user, 'tokenFile'),
    ca: pem(cluster, 'certificate-authority'),
    clientCertificate: pem(user, 'client-certificate'),
    clientKey: pem(user, 'client-key'),
    tlsServerName: text(cluster, 'tls-server-name'),
    insecureSkipTlsVerify: cluster['insecure-skip-tls-verify'] === true ? true : undefined,
  })
}

type Present<T> = { [K in keyof T]: Exclude<T[K], undefined> }

function withoutUndefined<T extends object>(
  fields: T,
): Partial<Present<T>> & Pick<Present<T>, 'server' & keyof T> {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  const result: unknown = Object.fromEntries(entries)
  if (isComplete<T>(result)) return result
  throw new TypeError('a kubeconfig without a server was not refused')
}

function isComplete<T>(value: unknown): value is Partial<Present<T>> & Pick<Present<T>, 'server' & keyof T> {
  return isJsonObject(value) && typeof value['server'] === 'string'
}

/** The `field` of the element of `list` that bears `name`. */
function named(config: Section, list: string, field: string, name: string): Section | undefined {
  const elements = config[list]
  if (!Array.isArray(elements)) return undefined
  const element: unknown = elements.find(candidate => isJsonObject(candidate) && candidate['name'] === name)
  const section = isJsonObject(element) ? element[field] : undefined
  return isJsonObject(section) ? section : undefined
}

function text(section: Section, field: string): string | undefined {
  const value = section[field]
  return typeof value === 'string' && value !== '' ? value : undefined
}
