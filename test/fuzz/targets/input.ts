import { PodlaceError } from '../../../src/base/index.ts'

/** The input as text; what is no UTF-8 becomes U+FFFD, as where files and sockets are read as text. */
export function textOf(input: Uint8Array): string {
  return Buffer.from(input).toString('utf8')
}

/** The code of an input that never reaches the decoder: another one has refused it before. */
export const NOT_JSON = 'fuzz.not-json'

/** For decoders that are given parsed JSON. Throws `fuzz.not-json`. */
export function json(input: Uint8Array): unknown {
  try {
    return JSON.parse(textOf(input))
  } catch {
    throw new PodlaceError('read the input', 'the input is not JSON', { code: NOT_JSON })
  }
}

/** Throws `fuzz.not-json` for JSON that is no object, too. */
export function jsonObject(input: Uint8Array): Readonly<Record<string, unknown>> {
  const value = json(input)
  if (isObject(value)) return value
  throw new PodlaceError('read the input', 'the input is no JSON object', { code: NOT_JSON })
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
