import { PodlaceError } from '../base/index.ts'

/** What this room throws. */
export type ConformanceErrorPayload =
  /** A plugin did not do what a case demands. */
  | { readonly code: 'conformance.unmet'; readonly expected: string; readonly found: string }
  /** The suite itself cannot run: a directory, a tool or a right is missing, a daemon does not start. */
  | { readonly code: 'conformance.setup' }

export type ConformanceError = PodlaceError<ConformanceErrorPayload>

/** @param what the demand that is not met, in words */
export function unmet(what: string, expected: string, found: string): ConformanceError {
  const message = `${what}: expected ${expected}; found ${found}`
  return new PodlaceError(what, message, { code: 'conformance.unmet', expected, found })
}

export function setupError(op: string, message: string, cause?: unknown): ConformanceError {
  return new PodlaceError(op, message, { code: 'conformance.setup' }, { cause })
}
