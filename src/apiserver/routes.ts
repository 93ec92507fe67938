import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context, Hono } from 'hono'
import { apiVersionOf, type Draft, type Kind, type KindInfo, type KindMap } from '../model/index.ts'
import {
  isJsonObject,
  type ListOptions,
  type Preconditions,
  type Store,
  unsupportedDirective,
} from '../store/index.ts'
import { mediaType, readJsonBody } from './body.ts'
import { RequestError } from './status.ts'
import { streamWatch, type WatchServices } from './watch-response.ts'

export type Env = { Bindings: HttpBindings }

/** Adds the paths of one kind; the kind table row says which. */
export function addRoutes<K extends Kind>(app: Hono<Env>, info: KindInfo<K>, services: WatchServices): void {
  const root = `/${info.group === '' ? 'api' : 'apis'}/${apiVersionOf(info)}`
  const all = `${root}/${info.plural}`
  const collection = info.namespaced ? `${root}/namespaces/:namespace/${info.plural}` : all
  const item = `${collection}/:name`
  const resource = new Resource(info, services)
  if (info.namespaced) app.get(all, c => resource.list(c))
  app.get(collection, c => resource.list(c))
  app.post(collection, c => resource.create(c))
  app.get(item, c => resource.get(c))
  app.put(item, c => resource.update(c, 'object'))
  app.patch(item, c => resource.patch(c, 'object'))
  app.delete(item, c => resource.delete(c))
  if (!info.statusSubresource) return
  app.get(`${item}/status`, c => resource.get(c))
  app.put(`${item}/status`, c => resource.update(c, 'status'))
  app.patch(`${item}/status`, c => resource.patch(c, 'status'))
}

type Request = Context<Env>

/** The verbs of one kind, from HTTP to the store and back. */
class Resource<K extends Kind> {
  private readonly info: KindInfo<K>
  private readonly services: WatchServices
  private readonly store: Store

  constructor(info: KindInfo<K>, services: WatchServices) {
    this.info = info
    this.services = services
    this.store = services.store
  }

  async list(c: Request): Promise<Response> {
    const { kind } = this.info
    const select = this.selection(c)
    if (['1', 'true'].includes(c.req.query('watch') ?? '')) return this.watch(c, select)
    // lists come whole, so a continue token is never one of ours
    if (c.req.query('continue'))
      throw new RequestError(410, 'the continue token has expired; list again without it')
    const { items, resourceVersion } = await this.store.list(kind, select)
    return c.json({
      kind: `${kind}List`,
      apiVersion: apiVersionOf(this.info),
      metadata: { resourceVersion },
      items,
    })
  }

  async get(c: Request): Promise<Response> {
    return c.json(await this.store.get(this.info.kind, this.key(c)))
  }

  async create(c: Request): Promise<Response> {
    this.refuseDryRun(c)
    const draft = await this.readObject<Draft<KindMap[K]>>(c)
    return c.json(await this.store.create(this.info.kind, draft), 201)
  }

  async update(c: Request, part: 'object' | 'status'): Promise<Response> {
    this.refuseDryRun(c)
    const { kind } = this.info
    const object = await this.readObject<KindMap[K]>(c, c.req.param('name'))
    // no revision in the body means "whatever is there now", as in Kubernetes
    const whole = part === 'object' ? this.store.update(kind, object) : this.store.updateStatus(kind, object)
    return c.json(await whole)
  }

  async patch(c: Request, part: 'object' | 'status'): Promise<Response> {
    this.refuseDryRun(c)
    const strategy = this.patchStrategy(mediaType(c.req.raw))
    const patch = await readJsonBody(c.req.raw)
    const directive = strategy === 'strategic' ? unsupportedDirective(patch) : undefined
    if (directive !== undefined) {
      throw new RequestError(
        415,
        `the strategic merge directive ${directive} is not supported; use a JSON merge patch`,
      )
    }
    const options = { strategy, ...preconditionsOf(patch['metadata']) }
    const { kind } = this.info
    const key = this.key(c)
    const patched =
      part === 'object'
        ? this.store.patch(kind, key, patch, options)
        : this.store.patchStatus(kind, key, patch, options)
    return c.json(await patched)
  }

  async delete(c: Request): Promise<Response> {
    this.refuseDryRun(c)
    const options = await readJsonBody(c.req.raw, {})
    const conditions = preconditionsOf(options['preconditions'])
    return c.json(await this.store.delete(this.info.kind, this.key(c), conditions))
  }

  private async watch(c: Request, select: ListOptions): Promise<Response> {
    if (c.req.query('sendInitialEvents') !== undefined) {
      throw new RequestError(422, 'sendInitialEvents is not supported here; list, then watch')
    }
    const seconds = Number(c.req.query('timeoutSeconds') ?? 1_800)
    if (!Number.isFinite(seconds) || seconds < 0)
      throw new RequestError(400, 'timeoutSeconds is not a number')
    const resourceVersion = c.req.query('resourceVersion') ?? ''
    if (!/^\d*$/.test(resourceVersion))
      throw new RequestError(400, `resourceVersion "${resourceVersion}" is not a number`)
    const request = {
      kind: this.info.kind,
      select,
      resourceVersion,
      bookmarks: ['1', 'true'].includes(c.req.query('allowWatchBookmarks') ?? ''),
      timeoutMs: Math.min(seconds, 86_400) * 1_000,
    }
    await streamWatch(c.env.outgoing, request, this.services)
    return RESPONSE_ALREADY_SENT
  }

  private selection(c: Request): ListOptions {
    const namespace = this.info.namespaced ? c.req.param('namespace') : undefined
    const labelSelector = c.req.query('labelSelector')
    const fieldSelector = c.req.query('fieldSelector')
    return {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector ? { labelSelector } : {}),
      ...(fieldSelector ? { fieldSelector } : {}),
    }
  }

  private key(c: Request): string {
    const name = c.req.param('name') ?? ''
    return this.info.namespaced ? `${c.req.param('namespace')}/${name}` : name
  }

  /** The body, which must be an object of this kind that agrees with the path. The store checks the rest when whole. */
  private async readObject<T>(c: Request, name?: string): Promise<T> {
    const type = mediaType(c.req.raw)
    if (type !== '' && type !== 'application/json') {
      throw new RequestError(415, `expected a body of application/json, found ${type}`)
    }
    const body = await readJsonBody(c.req.raw)
    const metadata = isJsonObject(body['metadata']) ? body['metadata'] : {}
    agree('kind', body['kind'], this.info.kind)
    agree('apiVersion', body['apiVersion'], apiVersionOf(this.info))
    const namespace = this.info.namespaced ? c.req.param('namespace') : undefined
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
  private refuseDryRun(c: Request): void {
    if (c.req.query('dryRun'))
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
