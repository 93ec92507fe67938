import type { Draft, Kind, KindMap, KubeObject } from '../model/index.ts'

/** A JSON merge patch (RFC 7396): objects merge, null removes, everything else replaces. */
export type MergePatch = { readonly [key: string]: unknown }

export interface ListOptions {
  /** Only objects of this namespace. */
  readonly namespace?: string
  /** Kubernetes syntax: `app=web,tier!=db,role in (a,b),zone,!old`. */
  readonly labelSelector?: string
  /** `metadata.name=x`, `spec.nodeName=y`; which fields a kind allows stands in its row of the kind table. */
  readonly fieldSelector?: string
  readonly signal?: AbortSignal
}

export interface ObjectList<T> {
  readonly items: readonly T[]
  /** From where a watch continues this list. */
  readonly resourceVersion: string
  /** Objects that came over the wire but do not fit their kind: left out of `items`, named here. */
  readonly rejected?: readonly RejectedObject[]
}

export interface RejectedObject {
  /** As `objectKey` makes it. */
  readonly key: string
  readonly message: string
}

export interface WatchOptions extends ListOptions {
  /** Events after this revision: the one of a list, or of the last event or bookmark. */
  readonly resourceVersion: string
  readonly signal: AbortSignal
  /** Called once when the watch stands, which may be long before its first event. */
  readonly onOpen?: () => void
}

/** A change, or (BOOKMARK) only the news that everything up to this revision has been delivered. */
export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }

/** What must still be true of the object for the write to happen; otherwise store.conflict. */
export interface Preconditions {
  readonly uid?: string
  readonly resourceVersion?: string
}

export interface PatchOptions extends Preconditions {
  /**
   * `merge` (default): RFC 7396, lists are replaced. `strategic`: lists that have a merge key in the kind table (such as
   * status.conditions of a Node, by type) are merged element by element; only for kinds of the core groups.
   */
  readonly strategy?: 'merge' | 'strategic'
}

/**
 * Objects and their changes. All methods refuse with a `StoreError`; keys are as `objectKey` makes them
 * (`namespace/name`, or `name`).
 *
 * Updates carry the resourceVersion they are based on and fail with store.conflict when the object has changed since.
 * Objects that are handed out are shared and must not be modified.
 */
export interface Store {
  list<K extends Kind>(kind: K, options?: ListOptions): Promise<ObjectList<KindMap[K]>>
  /**
   * Changes after a revision, in order, until the signal aborts or the server ends the watch (the iteration ends
   * without an error; continue from the last revision seen). Throws store.expired when the revision is too old or the
   * reader too slow: then list again.
   */
  watch<K extends Kind>(kind: K, options: WatchOptions): AsyncIterable<WatchEvent<KindMap[K]>>
  /** Throws store.not-found. */
  get<K extends Kind>(kind: K, key: string): Promise<KindMap[K]>
  /** Throws store.exists, store.invalid. */
  create<K extends Kind>(kind: K, draft: Draft<KindMap[K]>): Promise<KindMap[K]>
  /** Replaces all but status. Throws store.conflict, store.not-found, store.invalid. */
  update<K extends Kind>(kind: K, object: KindMap[K]): Promise<KindMap[K]>
  /** Replaces status only. */
  updateStatus<K extends Kind>(kind: K, object: KindMap[K]): Promise<KindMap[K]>
  patch<K extends Kind>(kind: K, key: string, patch: MergePatch, options?: PatchOptions): Promise<KindMap[K]>
  patchStatus<K extends Kind>(
    kind: K,
    key: string,
    patch: MergePatch,
    options?: PatchOptions,
  ): Promise<KindMap[K]>
  /**
   * Removes the object, or, while it has finalizers, sets its deletionTimestamp; it goes with the last finalizer.
   * Returns the object as it was last, where the server tells.
   */
  delete<K extends Kind>(kind: K, key: string, preconditions?: Preconditions): Promise<KindMap[K] | undefined>
}

/** The revision as a number, if it is one: revisions are opaque but for their order, which is used to refuse going back. */
export function revisionNumber(resourceVersion: string): bigint | undefined {
  return /^\d{1,20}$/.test(resourceVersion) ? BigInt(resourceVersion) : undefined
}

/** The revision an event carries. */
export function eventRevision(event: WatchEvent<KubeObject>): string {
  return event.type === 'BOOKMARK' ? event.resourceVersion : event.object.metadata.resourceVersion
}
