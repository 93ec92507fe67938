/** JSON that a tool printed: looked at field by field, since nobody validates it. */
export type Json = Readonly<Record<string, unknown>>

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The objects of a list, empty ones left out: `ip -j` prints one for each link that a filter hides. */
export function jsonList(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(item => isJson(item) && Object.keys(item).length > 0) : []
}

/** What `ip -j` and the like printed; they print nothing at all where there is nothing. */
export function parseJsonList(text: string): Json[] {
  return text.trim() === '' ? [] : jsonList(JSON.parse(text))
}

/** The object under `keys`, one in the other; empty if there is none. */
export function jsonAt(value: Json, ...keys: readonly string[]): Json {
  const [key, ...rest] = keys
  if (key === undefined) return value
  const inner = value[key]
  return isJson(inner) ? jsonAt(inner, ...rest) : {}
}

/** These fields alone; those that are missing are left out. */
export function pick(value: Json, keys: readonly string[]): Json {
  return Object.fromEntries(keys.filter(key => key in value).map(key => [key, value[key]]))
}

/** All fields but these. */
export function omit(value: Json, keys: readonly string[]): Json {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)))
}
