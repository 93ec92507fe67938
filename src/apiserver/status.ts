import { errorText, PodlaceError } from '../base/index.ts'
import { type Issue, isKindName, kindInfo } from '../model/index.ts'
import type { StoreErrorPayload } from '../store/index.ts'

/** A Kubernetes Status object: the body of every answer that is not an object. */
export interface Status {
  readonly kind: 'Status'
  readonly apiVersion: 'v1'
  readonly metadata: Readonly<Record<string, never>>
  readonly status: 'Failure'
  readonly message: string
  /** CamelCase word that clients switch on: `NotFound`, `Conflict`, `Expired`. */
  readonly reason: string
  readonly details?: StatusDetails
  readonly code: number
}

export interface StatusDetails {
  readonly name?: string
  readonly group?: string
  readonly kind?: string
  readonly causes?: readonly { readonly field: string; readonly message: string; readonly reason: string }[]
  readonly retryAfterSeconds?: number
}

const reasons: ReadonlyMap<number, string> = new Map([
  [400, 'BadRequest'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'NotFound'],
  [405, 'MethodNotAllowed'],
  [409, 'Conflict'],
  [410, 'Expired'],
  [413, 'RequestEntityTooLarge'],
  [415, 'UnsupportedMediaType'],
  [422, 'Invalid'],
  [500, 'InternalError'],
  [503, 'ServiceUnavailable'],
])

/** A refusal by the server itself; what the store refuses is translated by `statusOf`. */
export class RequestError extends PodlaceError<{
  readonly code: 'apiserver.refused'
  readonly status: number
}> {
  constructor(status: number, message: string) {
    super('serve request', message, { code: 'apiserver.refused', status })
  }
}

export function statusBody(code: number, message: string, details?: StatusDetails, reason?: string): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: reason ?? reasons.get(code) ?? 'Unknown',
    ...(details === undefined ? {} : { details }),
    code,
  }
}

/** The Status that answers an error. Errors that nobody foresaw are 500 and tell the client no internals. */
export function statusOf(error: unknown): Status {
  if (error instanceof RequestError) return statusBody(error.payload.status, error.message)
  const payload = error instanceof PodlaceError ? storePayload(error.payload) : undefined
  if (payload === undefined) return statusBody(500, 'internal error; the server log tells more')
  const message = errorText(error instanceof PodlaceError ? error.message : error)
  switch (payload.code) {
    case 'store.not-found':
      return statusBody(404, message, detailsOf(payload.kind, payload.key))
    case 'store.exists':
      return statusBody(409, message, detailsOf(payload.kind, payload.key), 'AlreadyExists')
    case 'store.conflict':
      return statusBody(409, message, detailsOf(payload.kind, payload.key))
    case 'store.expired':
      return statusBody(410, message)
    case 'store.invalid':
      return statusBody(422, message, { ...detailsOf(payload.kind), causes: payload.issues.map(causeOf) })
    case 'store.denied':
      return statusBody(payload.status, message)
    case 'store.full':
    case 'store.unavailable':
      return statusBody(503, message, { retryAfterSeconds: 5 })
    default:
      return statusBody(500, message)
  }
}

function storePayload(payload: { readonly code: string }): StoreErrorPayload | undefined {
  return isStorePayload(payload) ? payload : undefined
}

function isStorePayload(payload: { readonly code: string }): payload is StoreErrorPayload {
  return payload.code.startsWith('store.')
}

function causeOf({ path, message }: Issue) {
  return { field: path, message, reason: 'FieldValueInvalid' }
}

/** Details name the resource by its plural, as Kubernetes does. */
function detailsOf(kind: string, key?: string): StatusDetails {
  const info = isKindName(kind) ? kindInfo(kind) : undefined
  const name = key === undefined ? undefined : key.slice(key.indexOf('/') + 1)
  return {
    ...(name === undefined ? {} : { name }),
    ...(info === undefined || info.group === '' ? {} : { group: info.group }),
    kind: info?.plural ?? kind,
  }
}
