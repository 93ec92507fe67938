import { readFileSync } from 'node:fs'
import { labError } from './errors.ts'
import { type HttpTarget, httpRequest } from './http.ts'
import { API_PORT, controlAddress } from './layout.ts'

/** What the lab reads of an object; it writes objects as the kubelet would. */
export interface ApiObject {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: { readonly name: string; readonly uid?: string; readonly resourceVersion?: string }
  readonly spec?: Readonly<Record<string, unknown>>
  readonly status?: Readonly<Record<string, unknown>>
}

const COLLECTIONS = {
  Node: '/api/v1/nodes',
  Pod: '/api/v1/namespaces/default/pods',
  NetworkConfig: '/apis/podlace.dev/v1alpha1/networkconfigs',
} as const

export type LabKind = keyof typeof COLLECTIONS

/** A few calls of the Kubernetes REST dialect, spoken from inside the control namespace. */
export class ApiClient {
  private readonly target: HttpTarget
  private readonly tokenFile: string

  /** @param controlNetns path of the control's network namespace */
  constructor(controlNetns: string, tokenFile: string) {
    this.target = { netns: controlNetns, host: controlAddress(), port: API_PORT }
    this.tokenFile = tokenFile
  }

  get(kind: LabKind, name: string): Promise<ApiObject | undefined> {
    return this.call('GET', `${COLLECTIONS[kind]}/${name}`)
  }

  async list(kind: LabKind): Promise<readonly ApiObject[]> {
    const list = await this.send('GET', COLLECTIONS[kind])
    const items = isRecord(list.json) ? list.json['items'] : undefined
    if (Array.isArray(items) && items.every(isNamed)) return items
    throw apiError('GET', COLLECTIONS[kind], list.status, list.body)
  }

  async create(kind: LabKind, object: ApiObject): Promise<ApiObject> {
    const created = await this.call('POST', COLLECTIONS[kind], object)
    if (created !== undefined) return created
    throw apiError('POST', COLLECTIONS[kind], 404, 'no such collection')
  }

  /** JSON merge patch (RFC 7386) of the status. */
  async patchStatus(kind: LabKind, name: string, status: Readonly<Record<string, unknown>>): Promise<void> {
    await this.call('PATCH', `${COLLECTIONS[kind]}/${name}/status`, { status })
  }

  /** An object that is not there is as good as deleted. */
  async delete(kind: LabKind, name: string): Promise<void> {
    await this.call('DELETE', `${COLLECTIONS[kind]}/${name}`)
  }

  /** Undefined for 404; @throws LabError `lab.api` for every other refusal. */
  private async call(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    content?: unknown,
  ): Promise<ApiObject | undefined> {
    const { status, body, json } = await this.send(method, path, content)
    if (status === 404) return undefined
    if (status >= 200 && status < 300 && isApiObject(json)) return json
    throw apiError(method, path, status, body)
  }

  private async send(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, content?: unknown) {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
    const headers = {
      authorization: `Bearer ${readFileSync(this.tokenFile, 'utf8').trim()}`,
      ...(content === undefined ? {} : { 'content-type': type }),
    }
    const body = content === undefined ? {} : { body: JSON.stringify(content) }
    const response = await httpRequest(this.target, { method, path, headers, ...body })
    return { ...response, json: parseJson(response.body) }
  }
}

function apiError(method: string, path: string, status: number, body: string) {
  const parsed = parseJson(body)
  const text = isRecord(parsed) && typeof parsed['message'] === 'string' ? parsed['message'] : body
  const message = `the API server answered ${method} ${path} with ${status}: ${text.slice(0, 300)}`
  return labError(`${method} ${path}`, message, { code: 'lab.api', method, path, status })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isNamed(value: unknown): value is ApiObject {
  return isRecord(value) && isRecord(value['metadata']) && typeof value['metadata']['name'] === 'string'
}

/** A DELETE may answer with a Status, which has no name. */
function isApiObject(value: unknown): value is ApiObject {
  return isNamed(value) || (isRecord(value) && value['kind'] === 'Status')
}
