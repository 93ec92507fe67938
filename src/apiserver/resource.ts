import { apiVersionOf, type Draft, type Kind, type KindInfo, type KindMap } from '../model/index.ts'
import {
  isJsonObject,
  type ListOptions,
  type Preconditions,
  type Store,
  unsupportedDirective,
} from '../store/index.ts'
import { type ApiAnswer, type ApiRequest, jsonAnswer } from './api-request.ts'
import { mediaType, readJsonBody } from './body.ts'
import { RequestError } from './status.ts'
import { streamWatch, type WatchServices } from './watch-response.ts'
import type { WatchStream } from './watch-stream.ts'

/** A request whose path has been read. */
export interface ApiCall {
  readonly request: ApiRequest
  readonly query: URLSearchParams
  /** Absent where the path names all namespaces, or the kind has none. */
  readonly namespace?: string
  /** Absent where the path names a collection. */
  readonly name?: string
  /** Where the lines of a watch go. */
  readonly stream: WatchStream
}

/** The verbs of one kind, from HTTP to the store and back. */
export class Resource<K extends Kind> {
  private readonly info: KindInfo<K>
  private readonly services: WatchServices
  private readonly store: Store

  constructor(info: KindInfo<K>, services: WatchServices) {
    this.info = info
    this.services = services
    this.store = services.store
  }

  async list(call: ApiCall): Promise<ApiAnswer | undefined> {
    const { kind } = this.info
    const select = this.selection(call)
    if (['1', 'true'].includes(call.query.get('watch') ?? '')) return this.watch(call, select)
    // lists come whole, so a continue token is never one of ours
    if (call.query.get('continue'))
      throw new RequestError(410, 'the continue token has expired; list again without it')
    const { items, resourceVersion } = await this.store.list(kind, select)
    return jsonAnswer({
      kind: `${kind}List`,
      apiVersion: apiVersionOf(this.info),
      metadata: { resourceVersion },
      items,
    })
  }

  async get(call: ApiCall): Promise<ApiAnswer | undefined> {
    return jsonAnswer(await this.store.get(this.info.kind, this.key(call)))
  }

  async create(call: ApiCall): Promise<ApiAnswer | undefined> {
    this.refuseDryRun(call)
    const draft = await this.readObject<Draft<KindMap[K]>>(call)
    return jsonAnswer(await this.store.create(this.info.kind, draft), 201)
  }

  async update(call: ApiCall, part: 'object' | 'status'): Promise<ApiAnswer | undefined> {
    this.refuseDryRun(call)
    const { kind } = this.info
    const object = await this.readObject<KindMap[K]>(call, call.name)
    // no revision in the body means "whatever is there now", as in Kubernetes
    const whole = part === 'object' ? this.store.update(kind, object) : this.store.updateStatus(kind, object)
    return jsonAnswer(await whole)
  }

  async patch(call: ApiCall, part: 'object' | 'status'): Promise<ApiAnswer | undefined> {
    this.refuseDryRun(call)
    const strategy = this.patchStrategy(mediaType(call.request))
    const patch = await readJsonBody(call.request)
    const directive = strategy === 'strategic' ? unsupportedDirective(patch) : undefined
    if (directive !== undefined) {
      throw new RequestError(
        415,
        `the strategic merge directive ${directive} is not supported; use a JSON merge patch`,
      )
    }
    const options = { strategy, ...preconditionsOf(patch['metadata']) }
    const { kind } = this.info
    const key = this.key(call)
    const patched =
      part === 'object'
        ? this.store.patch(kind, key, patch, options)
        : this.store.patchStatus(kind, key, patch, options)
    return jsonAnswer(await patched)
  }

  async delete(call: ApiCall): Promise<ApiAnswer | undefined> {
    this.refuseDryRun(call)
    const options = await readJsonBody(call.request, {})
    const conditions = preconditionsOf(options['preconditions'])
    return jsonAnswer(await this.store.delete(this.info.kind, this.key(call), conditions))
  }

  private async watch(call: ApiCall, select: ListOptions): Promise<ApiAnswer | undefined> {
    if (call.query.has('sendInitialEvents')) {
      throw new RequestError(422, 'sendInitialEvents is not supported here; list, then watch')
    }
    const seconds = Number(call.query.get('timeoutSeconds') ?? 1_800)
    if (!Number.isFinite(seconds) || seconds < 0)
      throw new RequestError(400, 'timeoutSeconds is not a number')
    const resourceVersion = call.query.get('resourceVersion') ?? ''
    if (!/^\d*$/.test(resourceVersion))
      throw new RequestError(400, `resourceVersion "${resourceVersion}" is not a number`)
    const request = {
      kind: this.info.kind,
      select,
      resourceVersion,
      bookmarks: ['1', 'true'].includes(call.query.get('allowWatchBookmarks') ?? ''),
      timeoutMs: Math.min(seconds, 86_400) * 1_000,
    }
    await streamWatch(call.stream, request, this.services)
    return undefined
  }

  private selection(call: ApiCall): ListOptions {
    const namespace = this.info.namespaced ? call.namespace : undefined
    const labelSelector = call.query.get('labelSelector')
    const fieldSelector = call.query.get('fieldSelector')
    return {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector ? { labelSelector } : {}),
      ...(fieldSelector ? { fieldSelector } : {}),
    }
  }

  private key(call: ApiCall): string {
    const name = call.name ?? ''
    return this.info.namespaced ? `${call.namespace}/${name}` : name
  }

  /** The body, which must be an object of this kind that agrees with the path. The store checks the rest when whole. */
  private async readObject<T>(call: ApiCall, name?: string): Promise<T> {
    const type = mediaType(call.request)
    if (type !== '' && type !== 'application/json') {
      throw new RequestError(415, `expected a body of application/json, found ${type}`)
    }
    const body = await readJsonBody(call.request)
    const metadata = isJsonObject(body['metadata']) ? body['metadata'] : {}
    agree('kind', body['kind'], this.info.kind)
    agree('apiVersion', body['apiVersion'], apiVersionOf(this.info))
    const namespace = this.info.namespaced ? call.namespace : undefined
    agree('metadata.namespace', metadata['namespace'], namespace)
    if (name !== undefined) agree('metadata.name', metadata['name'], name)
    const placed = {
      ...metadata,
      ...(namespace === undefined ? {} : { namespace }),
      ...(name === undefined ? {} : { name }),
    }
    const object = { ...body, kind: this.info.kind, apiVersion: apiVersionOf(this.info), metadata: placed }
    if (isShaped<T>(object)) return object
    throw new RequestError(400, 'the body is not an object')
  }

  private patchStrategy(type: string): 'merge' | 'strategic' {
    if (type === 'application/merge-patch+json') return 'merge'
    if (type === 'application/strategic-merge-patch+json' && this.info.group === '') return 'strategic'
    const core = this.info.group === '' ? ' or application/strategic-merge-patch+json' : ''
    throw new RequestError(
      415,
      `patch of ${this.info.plural}: expected application/merge-patch+json${core}, found "${type}"`,
    )
  }

  /** Doing it all the same would be worse than saying no. */
  private refuseDryRun(call: ApiCall): void {
    if (call.query.get('dryRun'))
      throw new RequestError(400, 'dryRun is not supported here; nothing was changed')
  }
}

function agree(field: string, found: unknown, wanted: string | undefined): void {
  if (found === undefined || found === '' || found === wanted) return
  throw new RequestError(400, `${field} is ${JSON.stringify(found)}, the path says ${JSON.stringify(wanted)}`)
}

/** For the type only: the store holds every field against the schema before it keeps the object. */
function isShaped<T>(object: unknown): object is T {
  return isJsonObject(object) && isJsonObject(object['metadata'])
}

function preconditionsOf(value: unknown): Preconditions {
  if (!isJsonObject(value)) return {}
  const { uid, resourceVersion } = value
  return {
    ...(typeof uid === 'string' ? { uid } : {}),
    ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}),
  }
}
