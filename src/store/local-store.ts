import type { Clock } from '../base/index.ts'
import { type Draft, type Kind, type KindMap, kindInfo, objectKey } from '../model/index.ts'
import { type AdmissionContext, admitCreate, admitDeletion, admitUpdate, withRevision } from './admission.ts'
import { ChangeWindow, type StoredChange } from './change-window.ts'
import { storeError } from './errors.ts'
import { followChanges } from './local-watch.ts'
import { mergePatch } from './merge-patch.ts'
import { matcherOf } from './selectors.ts'
import type {
  ListOptions,
  MergePatch,
  ObjectList,
  PatchOptions,
  Preconditions,
  Store,
  WatchEvent,
  WatchOptions,
} from './store.ts'

export interface LocalStoreOptions {
  readonly clock: Clock
  /** Uniform in [0, 1): uids and generated names come from it. */
  readonly random: () => number
  /** At least so many changes of each kind stay for watchers to catch up with; default 5,000. */
  readonly windowSize?: number
  /** A watch that has nothing else to say sends a bookmark after so long; default 10,000 ms. */
  readonly bookmarkMs?: number
}

/** Where a local store writes what must outlive the process. `append` is durable when it returns, or throws. */
export interface Journal {
  readonly revision: number
  load<K extends Kind>(kind: K): LoadedKind<KindMap[K]>
  append(kind: Kind, change: StoredChange<KindMap[Kind]>, droppedUpTo: number): void
}

export interface LoadedKind<T> {
  readonly objects: ReadonlyMap<string, T>
  readonly changes: readonly StoredChange<T>[]
  readonly droppedUpTo: number
}

interface Table<T> {
  readonly objects: Map<string, T>
  readonly window: ChangeWindow<T>
}

/**
 * A store in this process: every read is answered from memory, every write is one step that cannot be seen half-done.
 * With a journal it is durable: a write is acknowledged after the journal has it, and refused if the journal fails.
 */
export class LocalStore implements Store {
  private readonly options: Required<LocalStoreOptions>
  private readonly journal: Journal | undefined
  private readonly tables: { readonly [K in Kind]: Table<KindMap[K]> }
  private revision: number

  constructor(options: LocalStoreOptions, journal?: Journal) {
    this.options = { windowSize: 5_000, bookmarkMs: 10_000, ...options }
    this.journal = journal
    // never 0: to a Kubernetes client a watch from revision 0 means "begin anywhere"
    this.revision = Math.max(1, journal?.revision ?? 1)
    this.tables = {
      Node: this.openTable('Node'),
      Pod: this.openTable('Pod'),
      NetworkConfig: this.openTable('NetworkConfig'),
      PodBlock: this.openTable('PodBlock'),
    }
  }

  async list<K extends Kind>(kind: K, options: ListOptions = {}): Promise<ObjectList<KindMap[K]>> {
    const matches = matcherOf(kind, options)
    const items = [...this.table(kind).objects.values()].filter(matches)
    return { items, resourceVersion: String(this.revision) }
  }

  watch<K extends Kind>(kind: K, options: WatchOptions): AsyncIterable<WatchEvent<KindMap[K]>> {
    return followChanges({
      kind,
      options,
      window: this.table(kind).window,
      clock: this.options.clock,
      bookmarkMs: this.options.bookmarkMs,
      currentRevision: () => this.revision,
      atRevision: (object, revision) => withRevision(kind, object, String(revision)),
    })
  }

  async get<K extends Kind>(kind: K, key: string): Promise<KindMap[K]> {
    return this.present('get', kind, key)
  }

  async create<K extends Kind>(kind: K, draft: Draft<KindMap[K]>): Promise<KindMap[K]> {
    const object = admitCreate(kind, draft, this.context())
    const key = objectKey(object)
    const { objects } = this.table(kind)
    if (objects.has(key)) {
      throw storeError(`create ${kind} ${key}`, `${kind} ${key} exists already`, {
        code: 'store.exists',
        kind,
        key,
      })
    }
    this.commit(kind, { revision: this.revision + 1, key, after: object })
    return object
  }

  async update<K extends Kind>(kind: K, object: KindMap[K]): Promise<KindMap[K]> {
    return this.replace(kind, object, 'object')
  }

  async updateStatus<K extends Kind>(kind: K, object: KindMap[K]): Promise<KindMap[K]> {
    return this.replace(kind, object, 'status')
  }

  async patch<K extends Kind>(kind: K, key: string, patch: MergePatch, options: PatchOptions = {}) {
    return this.merge(kind, key, patch, options, 'object')
  }

  async patchStatus<K extends Kind>(kind: K, key: string, patch: MergePatch, options: PatchOptions = {}) {
    return this.merge(kind, key, patch, options, 'status')
  }

  async delete<K extends Kind>(kind: K, key: string, preconditions: Preconditions = {}): Promise<KindMap[K]> {
    const current = this.present('delete', kind, key)
    this.demand('delete', kind, current, preconditions)
    if ((current.metadata.finalizers ?? []).length === 0) return this.remove(kind, key, current)
    if (current.metadata.deletionTimestamp !== undefined) return current
    return this.store(kind, key, current, admitDeletion(kind, current, this.context()))
  }

  /** Forgets all past changes: a watch from an older revision has to list again. */
  compact(): void {
    for (const table of Object.values(this.tables)) table.window.trim(0)
  }

  private openTable<K extends Kind>(kind: K): Table<KindMap[K]> {
    const loaded = this.journal?.load(kind)
    const window = new ChangeWindow<KindMap[K]>(this.options.windowSize, loaded?.droppedUpTo)
    for (const change of loaded?.changes ?? []) window.push(change)
    return { objects: new Map(loaded?.objects), window }
  }

  private table<K extends Kind>(kind: K): Table<KindMap[K]> {
    return this.tables[kind]
  }

  private context(): AdmissionContext {
    const { clock, random } = this.options
    return { clock, random, resourceVersion: String(this.revision + 1) }
  }

  private present<K extends Kind>(verb: string, kind: K, key: string): KindMap[K] {
    const object = this.table(kind).objects.get(key)
    if (object !== undefined) return object
    throw storeError(`${verb} ${kind} ${key}`, `${kind} ${key} does not exist`, {
      code: 'store.not-found',
      kind,
      key,
    })
  }

  private replace<K extends Kind>(kind: K, object: KindMap[K], part: 'object' | 'status'): KindMap[K] {
    const key = objectKey(object)
    const current = this.present('update', kind, key)
    this.demand('update', kind, current, object.metadata)
    return this.store(kind, key, current, admitUpdate(kind, current, object, part, this.context()))
  }

  private merge<K extends Kind>(
    kind: K,
    key: string,
    patch: MergePatch,
    options: PatchOptions,
    part: 'object' | 'status',
  ): KindMap[K] {
    const current = this.present('patch', kind, key)
    this.demand('patch', kind, current, options)
    const merged = mergePatch(
      current,
      patch,
      options.strategy === 'strategic' ? kindInfo(kind).mergeKeys : {},
    )
    if (typeof merged !== 'object' || merged === null) {
      const message = 'expected the patch to be an object'
      throw storeError(`patch ${kind} ${key}`, message, {
        code: 'store.invalid',
        kind,
        issues: [{ path: '', message }],
      })
    }
    return this.store(kind, key, current, admitUpdate(kind, current, merged, part, this.context()))
  }

  /** An empty or absent precondition asks for nothing. */
  private demand<K extends Kind>(verb: string, kind: K, current: KindMap[K], wanted: Preconditions): void {
    const key = objectKey(current)
    for (const field of ['uid', 'resourceVersion'] as const) {
      const expected = wanted[field]
      const found = current.metadata[field]
      if (expected === undefined || expected === '' || expected === found) continue
      const message = `${kind} ${key} has ${field} ${found}, the request is based on ${expected}: read it again and repeat`
      throw storeError(`${verb} ${kind} ${key}`, message, { code: 'store.conflict', kind, key })
    }
  }

  private store<K extends Kind>(kind: K, key: string, before: KindMap[K], after: KindMap[K]): KindMap[K] {
    if (after === before) return before
    const { deletionTimestamp, finalizers = [] } = after.metadata
    if (deletionTimestamp !== undefined && finalizers.length === 0) return this.remove(kind, key, after)
    this.commit(kind, { revision: this.revision + 1, key, before, after })
    return after
  }

  private remove<K extends Kind>(kind: K, key: string, before: KindMap[K]): KindMap[K] {
    this.commit(kind, { revision: this.revision + 1, key, before })
    return withRevision(kind, before, String(this.revision))
  }

  private commit<K extends Kind>(kind: K, change: StoredChange<KindMap[K]>): void {
    const table = this.table(kind)
    this.journal?.append(kind, change, table.window.droppedUpTo)
    this.revision = change.revision
    if (change.after === undefined) table.objects.delete(change.key)
    else table.objects.set(change.key, change.after)
    table.window.push(change)
  }
}
