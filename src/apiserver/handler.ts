import { type Clock, errorText, type Logger } from '../base/index.ts'
import { allKinds, type Kind } from '../model/index.ts'
import type { Store } from '../store/index.ts'
import { type ApiAnswer, type ApiRequest, jsonAnswer, textAnswer } from './api-request.ts'
import { type AccessToken, Authenticator } from './auth.ts'
import { discoveryAnswers } from './discovery.ts'
import { type ApiCall, Resource } from './resource.ts'
import { routeOf } from './route.ts'
import { type Status, statusBody, statusOf } from './status.ts'
import type { WatchStream } from './watch-stream.ts'

export interface ApiHandlerOptions {
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
  /** Who may come in; without it everybody may do everything (tests, or a socket nobody else reaches). */
  readonly tokens?: readonly AccessToken[]
  /** Ours, shown by /version; default `0`. */
  readonly version?: string
}

/** The API without a socket: requests to answers. */
export interface ApiHandler {
  /**
   * Answers one request. A watch that is granted goes line by line to `stream`; the promise then resolves at its end,
   * to nothing. Never rejects: what goes wrong is a Status.
   */
  handle(request: ApiRequest, stream: WatchStream): Promise<ApiAnswer | undefined>
  /** Ends all watches. */
  close(): void
}

/** These say nothing about the cluster and are asked by probes that have no token. */
const openPaths: ReadonlySet<string> = new Set(['/healthz', '/livez', '/readyz', '/version'])
const healthPaths: ReadonlySet<string> = new Set(['/healthz', '/livez', '/readyz'])

/** A Kubernetes API over any store: what the kind table lists, with list, watch, create, update, patch and delete. */
export function createApiHandler(options: ApiHandlerOptions): ApiHandler {
  const stopping = new AbortController()
  const handler = new Handler(options, stopping.signal)
  return {
    handle: (request, stream) => handler.handle(request, stream),
    close: () => stopping.abort(),
  }
}

class Handler {
  private readonly store: Store
  private readonly log: Logger
  private readonly authenticator: Authenticator
  private readonly discovery: ReadonlyMap<string, ApiAnswer>
  private readonly resources: ReadonlyMap<Kind, Resource<Kind>>

  constructor(options: ApiHandlerOptions, signal: AbortSignal) {
    const { store, clock, log } = options
    this.store = store
    this.log = log
    this.authenticator = new Authenticator(options.tokens)
    this.discovery = discoveryAnswers(options.version ?? '0')
    const services = { store, clock, log, signal, texts: new WeakMap() }
    this.resources = new Map(allKinds().map(info => [info.kind, new Resource(info, services)]))
  }

  async handle(request: ApiRequest, stream: WatchStream): Promise<ApiAnswer | undefined> {
    const { method, headers, target } = request
    const [path = '', query] = splitTarget(target)
    try {
      const reads = method === 'GET' || method === 'HEAD'
      if (!openPaths.has(path)) this.authenticator.authorize(headers.authorization, !reads)
      const known = reads ? await this.knownAnswer(path) : undefined
      if (known !== undefined) return known
      const answer = this.dispatch(request, path, new URLSearchParams(query), stream)
      return answer === undefined ? statusAnswer(unknownPath(method, path)) : await answer
    } catch (error) {
      const status = statusOf(error)
      if (status.code >= 500) this.log.error(`${method} ${path} failed`, { error: errorText(error) })
      return statusAnswer(status)
    }
  }

  private async knownAnswer(path: string): Promise<ApiAnswer | undefined> {
    if (path === '/readyz') await this.store.list('NetworkConfig')
    return healthPaths.has(path) ? textAnswer('ok') : this.discovery.get(path)
  }

  /** Undefined if the path does not exist, or not with this method. */
  private dispatch(
    request: ApiRequest,
    path: string,
    query: URLSearchParams,
    stream: WatchStream,
  ): Promise<ApiAnswer | undefined> | undefined {
    const route = routeOf(path)
    if (route === undefined) return undefined
    const resource = this.resources.get(route.info.kind)
    if (resource === undefined) return undefined
    const { info, namespace, name, status } = route
    const call: ApiCall = {
      request,
      query,
      stream,
      ...(namespace === undefined ? {} : { namespace }),
      ...(name === undefined ? {} : { name }),
    }
    const part = status ? 'status' : 'object'
    switch (request.method) {
      case 'GET':
      case 'HEAD':
        return name === undefined ? resource.list(call) : resource.get(call)
      case 'POST':
        return name === undefined && info.namespaced === (namespace !== undefined)
          ? resource.create(call)
          : undefined
      case 'PUT':
        return name === undefined ? undefined : resource.update(call, part)
      case 'PATCH':
        return name === undefined ? undefined : resource.patch(call, part)
      case 'DELETE':
        return name === undefined || status ? undefined : resource.delete(call)
      default:
        return undefined
    }
  }
}

function splitTarget(target: string): [path: string, query: string] {
  const mark = target.indexOf('?')
  return mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)]
}

function unknownPath(method: string, path: string): Status {
  return statusBody(404, `the server could not find the requested resource (${method} ${path})`)
}

function statusAnswer(status: Status): ApiAnswer {
  const answer = jsonAnswer(status, status.code)
  const retryAfter = status.details?.retryAfterSeconds
  return {
    ...answer,
    headers: {
      ...answer.headers,
      ...(status.code === 401 ? { 'www-authenticate': 'Bearer realm="podlace"' } : {}),
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    },
  }
}
