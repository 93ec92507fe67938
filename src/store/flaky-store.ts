import type { Kind, KindMap } from '../model/index.ts'
import { storeError } from './errors.ts'
import type { ListOptions, ObjectList, Store, WatchEvent, WatchOptions } from './store.ts'

/** What may go wrong with the next list or the next event of a watch. */
export type StoreFault =
  | 'list-fails'
  | 'list-stale'
  | 'watch-refused'
  | 'watch-expired'
  | 'watch-ends'
  | 'watch-breaks'
  | 'event-twice'
  | 'event-old'

/**
 * A store whose lists and watches go wrong in the ways the real ones are known to: scripted, each fault once. Writes go
 * through to the inner store. For tests of whatever follows a store.
 */
export class FlakyStore {
  /** Faults to come; each is taken by the first operation it fits. */
  readonly faults: StoreFault[] = []
  private readonly inner: Store
  private readonly oldLists = new Map<Kind, ObjectList<KindMap[Kind]>>()

  constructor(inner: Store) {
    this.inner = inner
  }

  /** This store as the interface wants it; what has no faults is passed on. */
  asStore(): Store {
    const { inner } = this
    return {
      list: (kind, options) => this.list(kind, options),
      watch: (kind, options) => this.watch(kind, options),
      get: (kind, key) => inner.get(kind, key),
      create: (kind, draft) => inner.create(kind, draft),
      update: (kind, object) => inner.update(kind, object),
      updateStatus: (kind, object) => inner.updateStatus(kind, object),
      patch: (kind, key, patch, options) => inner.patch(kind, key, patch, options),
      patchStatus: (kind, key, patch, options) => inner.patchStatus(kind, key, patch, options),
      delete: (kind, key, preconditions) => inner.delete(kind, key, preconditions),
    }
  }

  private async list<K extends Kind>(kind: K, options?: ListOptions): Promise<ObjectList<KindMap[K]>> {
    if (this.strikes('list-fails')) throw unavailable(`list ${kind}`)
    const list = await this.inner.list(kind, options)
    const old = this.oldLists.get(kind)
    if (old !== undefined && this.strikes('list-stale')) {
      const isKind = (item: KindMap[Kind]): item is KindMap[K] => item.kind === kind
      return { ...old, items: old.items.filter(isKind) }
    }
    this.oldLists.set(kind, list)
    return list
  }

  private async *watch<K extends Kind>(
    kind: K,
    options: WatchOptions,
  ): AsyncGenerator<WatchEvent<KindMap[K]>> {
    if (this.strikes('watch-refused')) throw unavailable(`watch ${kind}`)
    const history: WatchEvent<KindMap[K]>[] = []
    for await (const event of this.inner.watch(kind, options)) {
      if (this.strikes('watch-expired')) {
        throw storeError(`watch ${kind}`, 'too old resource version', { code: 'store.expired', kind })
      }
      if (this.strikes('watch-ends')) return
      if (this.strikes('watch-breaks')) throw unavailable(`watch ${kind}`)
      yield event
      history.push(event)
      if (this.strikes('event-twice')) yield event
      const [first] = history
      if (first !== undefined && history.length > 1 && this.strikes('event-old')) yield first
    }
  }

  private strikes(fault: StoreFault): boolean {
    if (this.faults[0] !== fault) return false
    this.faults.shift()
    return true
  }
}

function unavailable(op: string): Error {
  return storeError(op, 'the connection was refused', { code: 'store.unavailable' })
}
