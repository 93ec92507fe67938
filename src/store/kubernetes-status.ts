import { type Issue, type Kind } from '../model/index.ts'
import { type StoreError, storeError } from './errors.ts'
import { isJsonObject } from './merge-patch.ts'

/** What was asked of which object when the server refused. */
export interface Asked {
  readonly op: string
  readonly kind: Kind
  /** Absent for lists and watches. */
  readonly key?: string
  readonly retryAfterMs?: number | undefined
}

/** A refusal by an API server (HTTP status and Status body, RFC 9110 and Kubernetes' meta/v1) as the store's error. */
export function errorFromStatus(asked: Asked, status: number, body: unknown): StoreError {
  const { op, kind, key = '' } = asked
  const said = isJsonObject(body) ? body : {}
  const found =
    typeof said['message'] === 'string' ? said['message'] : `the API server answered HTTP ${status}`
  const message = `cannot ${op}: ${found}`
  const fail = (payload: StoreError['payload'], text = message) => storeError(op, text, payload)
  switch (status) {
    case 404:
      if (asked.key !== undefined) return fail({ code: 'store.not-found', kind, key })
      return fail(
        { code: 'store.unavailable', status },
        `${message}. Does the server know ${kind}? Install our CRDs`,
      )
    case 409:
      return fail({ code: said['reason'] === 'AlreadyExists' ? 'store.exists' : 'store.conflict', kind, key })
    case 410:
      return fail({ code: 'store.expired', kind })
    case 400:
    case 413:
    case 415:
    case 422:
      return fail({ code: 'store.invalid', kind, issues: issuesOf(said, found) })
    case 401:
    case 403:
      return fail({ code: 'store.denied', status }, `${message}. Check the token and what it may do`)
    default: {
      const { retryAfterMs } = asked
      return fail({
        code: 'store.unavailable',
        status,
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      })
    }
  }
}

function issuesOf(said: { readonly [key: string]: unknown }, message: string): Issue[] {
  const details = isJsonObject(said['details']) ? said['details'] : {}
  const causes = Array.isArray(details['causes']) ? details['causes'] : []
  const issues = causes
    .filter(isJsonObject)
    .map(cause => ({ path: String(cause['field'] ?? ''), message: String(cause['message'] ?? '') }))
  return issues.length > 0 ? issues : [{ path: '', message }]
}

/** JSON, or undefined for what is not: a proxy's HTML page, a broken line. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
