/** Objects from JSON; arrays and null are not. */
export function isJsonObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Dotted path of a list to the name of the field that identifies its elements. */
export type MergeKeys = Readonly<Record<string, string>>

/**
 * JSON merge patch (RFC 7396) of `target`, without touching it.
 *
 * With `mergeKeys` it is what we support of Kubernetes' strategic merge: the lists named there merge by their key, an
 * element with `$patch: delete` removes its namesake, and `$setElementOrder/...` hints are dropped.
 */
export function mergePatch(target: unknown, patch: unknown, mergeKeys: MergeKeys = {}, path = ''): unknown {
  if (Array.isArray(patch)) return mergeList(target, patch, mergeKeys, path)
  if (!isJsonObject(patch)) return patch
  const result = new Map(isJsonObject(target) ? Object.entries(target) : [])
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$setElementOrder/')) continue
    const inner = path === '' ? key : `${path}.${key}`
    if (value === null) result.delete(key)
    else result.set(key, mergePatch(result.get(key), value, mergeKeys, inner))
  }
  // fromEntries defines properties instead of assigning them: a key named __proto__ stays a key
  return Object.fromEntries(result)
}

function mergeList(target: unknown, patch: readonly unknown[], keys: MergeKeys, path: string): unknown {
  const mergeKey = Object.hasOwn(keys, path) ? keys[path] : undefined
  if (mergeKey === undefined || !Array.isArray(target)) return patch
  const identity = (element: unknown) => (isJsonObject(element) ? element[mergeKey] : undefined)
  const result: unknown[] = [...target]
  const removed = new Set<number>()
  // looked up, not searched for: both lists come from clients, and either may be long
  const places = new Map<unknown, number>()
  const place = (element: unknown, at: number) => {
    if (!places.has(identity(element))) places.set(identity(element), at)
  }
  result.forEach(place)
  for (const element of patch) {
    const at = places.get(identity(element))
    if (isJsonObject(element) && element['$patch'] === 'delete') {
      places.delete(identity(element))
      if (at !== undefined) removed.add(at)
    } else if (at !== undefined) {
      result[at] = mergePatch(result[at], element, keys, path)
    } else {
      place(element, result.length)
      result.push(element)
    }
  }
  return result.filter((_, at) => !removed.has(at))
}

/** The first strategic-merge directive in a patch that `mergePatch` does not follow, with its path. */
export function unsupportedDirective(patch: unknown, path = ''): string | undefined {
  if (Array.isArray(patch)) return firstOf(patch, element => unsupportedDirective(element, path))
  if (!isJsonObject(patch)) return undefined
  return firstOf(Object.entries(patch), ([key, value]) => {
    const inner = path === '' ? key : `${path}.${key}`
    const known = key === '$patch' ? value === 'delete' : key.startsWith('$setElementOrder/')
    if (key.startsWith('$')) return known ? undefined : inner
    return unsupportedDirective(value, inner)
  })
}

function firstOf<T>(items: readonly T[], find: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = find(item)
    if (found !== undefined) return found
  }
  return undefined
}
