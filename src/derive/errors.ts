import { errorText, PodlaceError } from '../base/index.ts'

/** All of these are mistakes in a program, not in its input. */
export type DeriveErrorPayload =
  /** A plan, an index function or a listener threw; the cause is what it threw. */
  | { readonly code: 'derive.defect'; readonly collection: string; readonly key: string }
  /** A plan yielded one key twice with different values. */
  | { readonly code: 'derive.ambiguous'; readonly collection: string; readonly key: string }
  /** A plan read a collection that was made after its own, or belongs to another graph. */
  | { readonly code: 'derive.order'; readonly collection: string; readonly read: string }
  /** A plan wrote to a source or built a collection, or a reader outlived its plan. */
  | { readonly code: 'derive.impure'; readonly collection: string }
  /** Two collections of one name. */
  | { readonly code: 'derive.name-taken'; readonly collection: string }
  /** Listeners kept writing to sources, tick after tick. */
  | { readonly code: 'derive.feedback'; readonly collections: readonly string[]; readonly ticks: number }

export type DeriveError = PodlaceError<DeriveErrorPayload>

/** `what` names the culprit: `plan of peers`; `key` is the input's. */
export function defect(what: string, collection: string, key: string, cause: unknown): DeriveError {
  const message = `the ${what} threw for "${key}": ${errorText(cause)}; the other items are not affected`
  return new PodlaceError(`run the ${what}`, message, { code: 'derive.defect', collection, key }, { cause })
}

export function ambiguous(collection: string, key: string): DeriveError {
  const message = `the plan yields "${key}" twice with different values; it must decide for one`
  return new PodlaceError(`run the plan of ${collection}`, message, {
    code: 'derive.ambiguous',
    collection,
    key,
  })
}

export function wrongOrder(collection: string, read: string): DeriveError {
  const message = `the plan of ${collection} reads ${read}, which is not older and of the same graph; make ${read} first`
  return new PodlaceError(`run the plan of ${collection}`, message, {
    code: 'derive.order',
    collection,
    read,
  })
}

export function impure(collection: string, what: string): DeriveError {
  const message = `${what} while a plan runs; plans are pure, do it in a listener or outside`
  return new PodlaceError(`use ${collection}`, message, { code: 'derive.impure', collection })
}

export function nameTaken(collection: string): DeriveError {
  const message = `the graph already has a collection ${collection}; names must differ, origins are given by them`
  return new PodlaceError('make a collection', message, { code: 'derive.name-taken', collection })
}

export function feedback(collections: readonly string[], ticks: number): DeriveError {
  const message =
    `after ${ticks} ticks in a row listeners still write to ${collections.join(', ')}: ` +
    'a listener answers its own writes; what it wrote last waits for the next write from outside'
  return new PodlaceError('settle the graph', message, { code: 'derive.feedback', collections, ticks })
}
