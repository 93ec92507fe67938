import type { Clock } from '../base/index.ts'
import {
  apiVersionOf,
  type Draft,
  issuesText,
  type Kind,
  type KindMap,
  kindInfo,
  objectKey,
} from '../model/index.ts'
import { storeError } from './errors.ts'
import { HttpTransport } from './http-transport.ts'
import type { KubernetesConnection } from './kubernetes-connection.ts'
import { type HttpHead, KubernetesHttp } from './kubernetes-http.ts'
import { complete, listParts, rejection, revisionOf } from './kubernetes-objects.ts'
import { collectionPath, itemPath, patchCall, selectionQuery } from './kubernetes-paths.ts'
import { type Asked, errorFromStatus, parseJson } from './kubernetes-status.ts'
import type { KubernetesRequest, KubernetesTransport } from './kubernetes-transport.ts'
import { isJsonObject } from './merge-patch.ts'
import type {
  ListOptions,
  MergePatch,
  ObjectList,
  PatchOptions,
  Preconditions,
  RejectedObject,
  Store,
  WatchEvent,
  WatchOptions,
} from './store.ts'

/** Where the API server is, or what carries requests to it. */
export type KubernetesStoreOptions = KubernetesStoreSettings &
  (KubernetesConnection | { readonly transport: KubernetesTransport })

export interface KubernetesStoreSettings {
  readonly clock: Clock
  /** Uniform in [0, 1): spreads the ends of watches of many clients; without it they all last 450 s. */
  readonly random?: () => number
  /** For one call, whole, and for the head of a watch's answer; default 30,000. */
  readonly timeoutMs?: number
  /** A watch on which neither event nor bookmark comes for this long is given up; default 120,000. */
  readonly watchIdleMs?: number
  /** Objects a list may bring in one answer; default 500. */
  readonly pageSize?: number
  /** An object in a watch does not fit its kind and was left out. */
  readonly onRejected?: (kind: Kind, rejected: RejectedObject) => void
}

/** The store that is a Kubernetes API server: a real one, or ours. Speaks its REST dialect, JSON only. */
export class KubernetesStore implements Store {
  private readonly options: KubernetesStoreOptions
  private readonly http: KubernetesHttp

  constructor(options: KubernetesStoreOptions) {
    this.options = options
    const transport = 'transport' in options ? options.transport : new HttpTransport(options)
    this.http = new KubernetesHttp(transport, options.clock)
  }

  async list<K extends Kind>(kind: K, options: ListOptions = {}): Promise<ObjectList<KindMap[K]>> {
    const asked = { op: `list ${kind}`, kind }
    const items: KindMap[K][] = []
    const rejected: RejectedObject[] = []
    const query = { ...selectionQuery(options), limit: String(this.options.pageSize ?? 500) }
    for (let token = ''; ; ) {
      const path = collectionPath(
        kind,
        options.namespace,
        token === '' ? query : { ...query, continue: token },
      )
      const page = await this.call(asked, { method: 'GET', path, signal: options.signal, op: asked.op })
      const { listed, metadata, resourceVersion } = listParts(asked, page)
      for (const item of listed) {
        const checked = complete(kind, item)
        if (checked.ok) items.push(checked.object)
        else rejected.push(rejection(item, checked))
      }
      token = String(metadata['continue'] ?? '')
      if (token === '') return { items, resourceVersion, ...(rejected.length > 0 ? { rejected } : {}) }
    }
  }

  async *watch<K extends Kind>(kind: K, options: WatchOptions): AsyncGenerator<WatchEvent<KindMap[K]>> {
    const { random = () => 0.5, watchIdleMs = 120_000, timeoutMs = 30_000 } = this.options
    const asked = { op: `watch ${kind}`, kind }
    const path = collectionPath(kind, options.namespace, {
      ...selectionQuery(options),
      watch: '1',
      allowWatchBookmarks: 'true',
      resourceVersion: options.resourceVersion,
      timeoutSeconds: String(300 + Math.floor(300 * random())),
    })
    let head: HttpHead = { status: 0, retryAfterMs: undefined }
    const onHead = (answered: HttpHead) => {
      head = answered
      if (head.status === 200) options.onOpen?.()
    }
    const refusal = (line: string) =>
      errorFromStatus({ ...asked, retryAfterMs: head.retryAfterMs }, head.status, parseJson(line))
    const request: KubernetesRequest = { method: 'GET', path, signal: options.signal, op: asked.op }
    const limits = { headMs: timeoutMs, idleMs: watchIdleMs }
    for await (const line of this.http.lines(request, limits, onHead)) {
      if (options.signal.aborted) return
      if (line === '') continue
      if (head.status !== 200) throw refusal(line)
      yield this.eventOf(asked, kind, parseJson(line))
    }
    if (head.status !== 200 && !options.signal.aborted) throw refusal('')
  }

  get<K extends Kind>(kind: K, key: string): Promise<KindMap[K]> {
    return this.object('get', kind, key, { method: 'GET', path: itemPath(kind, key) })
  }

  create<K extends Kind>(kind: K, draft: Draft<KindMap[K]>): Promise<KindMap[K]> {
    const { name, generateName = '', namespace } = draft.metadata
    const key = [namespace, name ?? generateName].filter(Boolean).join('/')
    const body = { apiVersion: apiVersionOf(kindInfo(kind)), kind, ...draft }
    return this.object('create', kind, key, { method: 'POST', path: collectionPath(kind, namespace), body })
  }

  update<K extends Kind>(kind: K, object: KindMap[K]): Promise<KindMap[K]> {
    const key = objectKey(object)
    return this.object('update', kind, key, { method: 'PUT', path: itemPath(kind, key), body: object })
  }

  updateStatus<K extends Kind>(kind: K, object: KindMap[K]): Promise<KindMap[K]> {
    const key = objectKey(object)
    const path = `${itemPath(kind, key)}/status`
    return this.object('update status of', kind, key, { method: 'PUT', path, body: object })
  }

  patch<K extends Kind>(
    kind: K,
    key: string,
    patch: MergePatch,
    options: PatchOptions = {},
  ): Promise<KindMap[K]> {
    return this.object('patch', kind, key, patchCall(itemPath(kind, key), patch, options))
  }

  patchStatus<K extends Kind>(
    kind: K,
    key: string,
    patch: MergePatch,
    options: PatchOptions = {},
  ): Promise<KindMap[K]> {
    return this.object(
      'patch status of',
      kind,
      key,
      patchCall(`${itemPath(kind, key)}/status`, patch, options),
    )
  }

  async delete<K extends Kind>(
    kind: K,
    key: string,
    preconditions: Preconditions = {},
  ): Promise<KindMap[K] | undefined> {
    const asked = { op: `delete ${kind} ${key}`, kind, key }
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions }
    const answer = await this.call(asked, { method: 'DELETE', path: itemPath(kind, key), body, op: asked.op })
    // some kinds answer with a Status instead of the object
    const checked = complete(kind, answer)
    return checked.ok ? checked.object : undefined
  }

  close(): void {
    this.http.close()
  }

  private async object<K extends Kind>(
    verb: string,
    kind: K,
    key: string,
    call: Omit<KubernetesRequest, 'op'>,
  ): Promise<KindMap[K]> {
    const asked = { op: `${verb} ${kind} ${key}`, kind, key }
    const checked = complete(kind, await this.call(asked, { ...call, op: asked.op }))
    if (checked.ok) return checked.object
    const message = `${kind} ${key} in the API server is not valid: ${issuesText(checked.issues)}`
    throw storeError(asked.op, message, { code: 'store.invalid', kind, issues: checked.issues })
  }

  private async call(asked: Asked, call: KubernetesRequest): Promise<{ readonly [key: string]: unknown }> {
    const answer = await this.http.call(call, this.options.timeoutMs ?? 30_000)
    const body = parseJson(answer.text)
    if (answer.status >= 200 && answer.status < 300 && isJsonObject(body)) return body
    throw errorFromStatus({ ...asked, retryAfterMs: answer.retryAfterMs }, answer.status, body)
  }

  private eventOf<K extends Kind>(asked: Asked, kind: K, event: unknown): WatchEvent<KindMap[K]> {
    const { type, object } = isJsonObject(event) ? event : {}
    if (type === 'ERROR') {
      const code = isJsonObject(object) ? Number(object['code'] ?? 0) : 0
      throw errorFromStatus(asked, code, object)
    }
    const resourceVersion = revisionOf(object)
    if (resourceVersion === undefined) {
      const message = `cannot ${asked.op}: the API server sent a line that is no event`
      throw storeError(asked.op, message, { code: 'store.unavailable' })
    }
    if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') {
      const checked = complete(kind, object)
      if (checked.ok) return { type, object: checked.object }
      if (type === 'DELETED') {
        const message = `cannot ${asked.op}: an object that cannot be read was deleted; list again`
        throw storeError(asked.op, message, { code: 'store.expired', kind })
      }
      // the last good version stays in force; only the position moves on
      this.options.onRejected?.(kind, rejection(object, checked))
    }
    return { type: 'BOOKMARK', resourceVersion }
  }
}
