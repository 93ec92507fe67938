import { PodlaceError } from '../base/index.ts'

/** What this room throws. */
export type TunnelErrorPayload =
  /** The process refused a request and changed nothing; the message has its words. */
  | { readonly code: 'tunnel.refused' }
  /** What came is no reply of this protocol version, or was not asked for. */
  | { readonly code: 'tunnel.malformed' }
  /** The connection ended before the reply. */
  | { readonly code: 'tunnel.closed' }
  | { readonly code: 'tunnel.timeout'; readonly timeoutMs: number }
  /** More than a message may hold, or a value that the tunnel cannot carry (it is IPv4 only). */
  | { readonly code: 'tunnel.unfit' }
  /** The program could not be started, or ended before it listened. */
  | { readonly code: 'tunnel.not-started' }

export type TunnelError = PodlaceError<TunnelErrorPayload>

export function tunnelError(
  op: string,
  message: string,
  payload: TunnelErrorPayload,
  cause?: unknown,
): TunnelError {
  return new PodlaceError(op, message, payload, cause === undefined ? undefined : { cause })
}

export function malformed(found: string): TunnelError {
  const message = `not a reply of the tunnel process: ${found}`
  return tunnelError('decode a tunnel reply', message, { code: 'tunnel.malformed' })
}
