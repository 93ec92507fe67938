/** One request to an API server. */
export interface KubernetesRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With query, below the server's URL. */
  readonly path: string
  readonly body?: unknown
  readonly contentType?: string
  readonly signal?: AbortSignal | undefined
  /** What is asked, for messages: `update Node worker-2`. */
  readonly op: string
}

/** An answer whose head has come; the rest follows. */
export interface KubernetesResponse {
  readonly status: number
  /** What the header Retry-After asks for. */
  readonly retryAfterMs: number | undefined
  /** The body in pieces as they come. Fails where the connection does. */
  readonly body: AsyncIterable<string>
}

/**
 * What carries requests to one API server: real connections, or those of a simulation. It knows nothing of deadlines,
 * lines and objects.
 */
export interface KubernetesTransport {
  /** For messages: `http://192.168.77.250:6443`. */
  readonly server: string
  /**
   * Sends a request and resolves when the head of its answer is there, whatever its status. When `signal` aborts, the
   * promise rejects and a body that is being read fails. A stream may last for hours and shares its connection with
   * nothing.
   */
  open(request: KubernetesRequest, use: 'call' | 'stream', signal: AbortSignal): Promise<KubernetesResponse>
  /** Ends all idle connections. */
  close(): void
}
