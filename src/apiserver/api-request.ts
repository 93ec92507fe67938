/** One request, whatever carried it here. */
export interface ApiRequest {
  readonly method: string
  /** Path and query, as they stand in the request line: `/api/v1/nodes?limit=500`. */
  readonly target: string
  readonly headers: {
    readonly authorization?: string | undefined
    readonly 'content-type'?: string | undefined
    readonly 'content-length'?: string | undefined
  }
  /** Text, or bytes as they come; empty text for none. */
  readonly body: string | AsyncIterable<Uint8Array>
}

/** A whole answer. */
export interface ApiAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export function jsonAnswer(value: unknown, status = 200): ApiAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) }
}

export function textAnswer(text: string): ApiAnswer {
  return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: text }
}
