import { isObject } from '../json-object.ts'

/**
 * JSON as Go's `encoding/json` writes a map, which libcni's files consist of: no blanks, keys sorted, and `<`, `>`,
 * `&`, U+2028 and U+2029 escaped. Undefined fields are left out.
 */
export function formatGoJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(formatGoJson).join(',')}]`
  // JSON.stringify loses the sign, Go does not.
  if (Object.is(value, -0)) return '-0'
  if (!isObject(value)) return escape(JSON.stringify(value))
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  // By hand, since an object would put keys that are whole numbers first.
  const sorted = fields.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${sorted.map(([key, field]) => formatGoField(key, field)).join(',')}}`
}

/** One field of an object, for structures, whose fields Go writes in the order of their declaration. */
export function formatGoField(key: string, value: unknown): string {
  return `${escape(JSON.stringify(key))}:${formatGoJson(value)}`
}

function escape(json: string): string {
  return json.replaceAll(
    /[<>&\u2028\u2029]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
