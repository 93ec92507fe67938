import * as v from 'valibot'

/** RFC 1123 label: what a namespace or a pod's own name looks like. */
const label = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/
/** Prefix and name of a label or annotation key. */
const qualifiedName = /^(?:[a-z0-9][-a-z0-9.]{0,252}\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/
const labelValue = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/

/** True for dotted RFC 1123 labels of at most 253 characters. */
export function isSubdomain(text: string): boolean {
  return text.length <= 253 && text.split('.').every(part => label.test(part))
}

export function isLabel(text: string): boolean {
  return label.test(text)
}

/** A map of strings whose keys and values are checked; any key is harmless, `constructor` and `__proto__` too. */
function stringMap(what: string, keyTest: RegExp, valueTest?: RegExp) {
  return v.pipe(
    v.custom<Readonly<Record<string, string>>>(
      input => typeof input === 'object' && input !== null && !Array.isArray(input),
      issue => `expected an object of strings, found ${issue.received}`,
    ),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return
      for (const [key, value] of Object.entries<unknown>(dataset.value)) {
        if (!keyTest.test(key))
          addIssue({ message: `expected ${what} keys like example.com/name, found "${key}"` })
        if (typeof value !== 'string')
          addIssue({ message: `expected a string under "${key}", found ${typeof value}` })
        else if (valueTest?.test(value) === false)
          addIssue({ message: `expected at most 63 letters, digits, - _ . under "${key}", found "${value}"` })
      }
    }),
  )
}

const timestamp = v.pipe(
  v.string(),
  v.isoTimestamp(issue => `expected an RFC 3339 time, found ${issue.received}`),
)

/** Object metadata; fields we do not read are kept. */
export const metadataSchema = v.looseObject({
  name: v.string(),
  namespace: v.optional(v.string()),
  uid: v.string(),
  resourceVersion: v.string(),
  creationTimestamp: timestamp,
  deletionTimestamp: v.optional(timestamp),
  generation: v.optional(v.number()),
  labels: v.optional(stringMap('label', qualifiedName, labelValue)),
  annotations: v.optional(stringMap('annotation', qualifiedName)),
  finalizers: v.optional(v.array(v.string())),
})

/**
 * An object of our own kinds: a key that is not in `entries` is an error that lists the known ones, since a field that is
 * silently ignored is a setting that silently does not hold.
 */
export function closedObject<const Entries extends v.ObjectEntries>(entries: Entries) {
  const known = Object.keys(entries).join(', ')
  return v.strictObject(entries, issue =>
    issue.expected === 'never'
      ? `unknown field; known here: ${known}`
      : `expected ${issue.expected === 'Object' ? 'an object' : 'the field to be given'}, found ${issue.received}`,
  )
}

/** A whole number between two bounds, both included. */
export function integerBetween(low: number, high: number, what = 'a whole number') {
  const message = (issue: { readonly received: string }) =>
    `expected ${what} from ${low} to ${high}, found ${issue.received}`
  return v.pipe(v.number(message), v.integer(message), v.minValue(low, message), v.maxValue(high, message))
}
