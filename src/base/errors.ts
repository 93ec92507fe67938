/** What an error carries besides its message: a stable dotted code and whatever facts belong to it. */
export interface ErrorPayload {
  /** Stable, dotted, lower case: `netlink.enodev`, `ipam.exhausted`. */
  readonly code: string
}

/**
 * The one error class of the project. The payload is the type: narrow on `error.payload.code`.
 *
 * The message says what was asked, what was found and what to do about it.
 */
export class PodlaceError<P extends ErrorPayload = ErrorPayload> extends Error {
  /** The operation that failed, in words: `add route 10.244.3.0/24`. */
  readonly op: string
  readonly payload: P

  constructor(op: string, message: string, payload: P, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'PodlaceError'
    this.op = op
    this.payload = payload
  }

  get code(): P['code'] {
    return this.payload.code
  }

  toJSON(): Record<string, unknown> {
    const json: Record<string, unknown> = { op: this.op, message: this.message }
    Object.assign(json, this.payload)
    if (this.cause !== undefined) json['cause'] = errorText(this.cause)
    return json
  }
}

/** True if `error` is ours and bears `code`, or a code below it (`netlink` matches `netlink.enodev`). */
export function hasCode(error: unknown, code: string): error is PodlaceError {
  return error instanceof PodlaceError && (error.code === code || error.code.startsWith(`${code}.`))
}

/** One line of text for anything that was thrown. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message} (${errorText(error.cause)})`
}
