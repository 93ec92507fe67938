import { PodlaceError } from '../base/index.ts'

/** What this room throws. */
export type GrpcErrorPayload =
  /** The server refused; `grpcStatus` is one of gRPC's status codes (5 not found, 14 unavailable ...). */
  | { readonly code: 'grpc.refused'; readonly method: string; readonly grpcStatus: number }
  /** Nobody listens (`sent` is false: the server surely did nothing), or the connection broke. */
  | { readonly code: 'grpc.unreachable'; readonly method: string; readonly sent: boolean }
  | { readonly code: 'grpc.timeout'; readonly method: string; readonly timeoutMs: number }
  /** What came is no answer of this method. */
  | { readonly code: 'grpc.malformed' }

export type GrpcError = PodlaceError<GrpcErrorPayload>

export function grpcError(
  op: string,
  message: string,
  payload: GrpcErrorPayload,
  cause?: unknown,
): GrpcError {
  return new PodlaceError(op, message, payload, cause === undefined ? undefined : { cause })
}

export function malformed(found: string): GrpcError {
  return grpcError('decode a protobuf message', `not a protobuf message: ${found}`, {
    code: 'grpc.malformed',
  })
}
