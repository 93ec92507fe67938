import { PodlaceError } from '../base/index.ts'

/** What this room throws. */
export type CriErrorPayload =
  /** The runtime refused; `grpcStatus` is one of gRPC's status codes (5 not found, 14 unavailable ...). */
  | { readonly code: 'cri.refused'; readonly method: string; readonly grpcStatus: number }
  /** Nobody listens, or the connection broke. */
  | { readonly code: 'cri.unreachable'; readonly method: string }
  | { readonly code: 'cri.timeout'; readonly method: string; readonly timeoutMs: number }
  /** What came is no answer of this method. */
  | { readonly code: 'cri.malformed' }

export type CriError = PodlaceError<CriErrorPayload>

export function criError(op: string, message: string, payload: CriErrorPayload, cause?: unknown): CriError {
  return new PodlaceError(op, message, payload, cause === undefined ? undefined : { cause })
}

export function malformed(found: string): CriError {
  return criError('decode a protobuf message', `not a protobuf message: ${found}`, { code: 'cri.malformed' })
}
