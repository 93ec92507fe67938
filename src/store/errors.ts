import { PodlaceError } from '../base/index.ts'
import type { Issue } from '../model/index.ts'

export type StoreErrorPayload =
  | { readonly code: 'store.not-found'; readonly kind: string; readonly key: string }
  | { readonly code: 'store.exists'; readonly kind: string; readonly key: string }
  /** The object changed since it was read (resourceVersion), or is another one under the same name (uid). */
  | { readonly code: 'store.conflict'; readonly kind: string; readonly key: string }
  /** The asked revision is outside the watch window, or the watcher was too slow: list again. */
  | { readonly code: 'store.expired'; readonly kind: string }
  | { readonly code: 'store.invalid'; readonly kind: string; readonly issues: readonly Issue[] }
  /** Not reached, or not able to answer now: the same request may succeed later. */
  | { readonly code: 'store.unavailable'; readonly status?: number; readonly retryAfterMs?: number }
  /** Token missing or wrong (401), or not allowed (403): retrying does not help until somebody changes something. */
  | { readonly code: 'store.denied'; readonly status: number }
  /** The file is not a sound database. */
  | { readonly code: 'store.corrupt'; readonly path: string }
  /** No space for the write; reads go on. */
  | { readonly code: 'store.full'; readonly path: string }
  /** Another process has the database open. */
  | { readonly code: 'store.in-use'; readonly path: string }
  /** Kubeconfig, in-cluster files or options that cannot be used. */
  | { readonly code: 'store.config'; readonly path?: string }

export type StoreErrorCode = StoreErrorPayload['code']
export type StoreError = PodlaceError<StoreErrorPayload>

/** Makes a store's error; `op` is what was asked in words: `update Node worker-2`. */
export function storeError(
  op: string,
  message: string,
  payload: StoreErrorPayload,
  cause?: unknown,
): StoreError {
  return new PodlaceError(op, message, payload, cause === undefined ? undefined : { cause })
}

/** True if `error` is the store's and bears `code`. */
export function isStoreError<C extends StoreErrorCode>(
  error: unknown,
  code: C,
): error is PodlaceError<Extract<StoreErrorPayload, { code: C }>> {
  return error instanceof PodlaceError && error.code === code
}
