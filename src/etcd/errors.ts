import { PodlaceError } from '../base/index.ts'

/** What this room throws. */
export type EtcdErrorPayload =
  /** No endpoint answered as it should; the same request may succeed later. A write may have been done all the same. */
  | { readonly code: 'etcd.unavailable' }
  /** User, password or token are wrong, or not enough; retrying does not help until somebody changes something. */
  | { readonly code: 'etcd.denied' }
  /** etcd understood and refused; `grpcStatus` is one of gRPC's codes (3 invalid argument, 8 no space ...). */
  | { readonly code: 'etcd.refused'; readonly grpcStatus: number }
  /** The revision asked for is no longer kept; `compactRevision` is the first that is. */
  | { readonly code: 'etcd.compacted'; readonly compactRevision: number }
  /** Endpoints or files that cannot be used. */
  | { readonly code: 'etcd.config' }

export type EtcdError = PodlaceError<EtcdErrorPayload>

export function etcdError(
  op: string,
  message: string,
  payload: EtcdErrorPayload,
  cause?: unknown,
): EtcdError {
  return new PodlaceError(op, message, payload, cause === undefined ? undefined : { cause })
}
