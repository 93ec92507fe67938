import { cniError } from './errors.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * A JSON object that came from outside. `op` is what is being done, `source` what the bytes are: `standard input`,
 * a file's path.
 *
 * Throws `cni.decode` (6) for what is not a JSON object in UTF-8, `cni.invalid-configuration` (7) for a key
 * `__proto__`.
 */
export function parseJsonObject(bytes: Uint8Array, op: string, source: string): Record<string, unknown> {
  let value: unknown
  try {
    const text = utf8.decode(bytes)
    // A reviver makes parsing several times slower, and only these texts can hold the key it looks for.
    const suspicious = text.includes('__proto__') || text.includes('\\u')
    value = suspicious
      ? JSON.parse(text, (key, part) => refusePrototype(op, source, key, part))
      : JSON.parse(text)
  } catch (cause) {
    // Errors of the decoder are ours to word: it names a position, we name the input.
    if (cause instanceof SyntaxError || cause instanceof TypeError || cause instanceof RangeError) {
      const found = bytes.length === 0 ? 'is empty' : 'is not JSON in UTF-8'
      throw cniError('decode', op, `${source} ${found}: ${cause.message}`)
    }
    throw cause
  }
  if (isObject(value)) return value
  throw cniError('decode', op, `${source} is JSON, but not an object`)
}

/** `__proto__` as a key would become the prototype of any copy; no network has use for it. */
function refusePrototype(op: string, source: string, key: string, value: unknown): unknown {
  if (key !== '__proto__') return value
  throw cniError('invalid-configuration', op, `${source} has a key "__proto__"`)
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
