import type { Kind, KindMap } from '../../../model/index.ts'
import { type Store, storeError, type WatchEvent, type WatchOptions } from '../../../store/index.ts'

/** The way from one program to the store, which a test may cut, or make lie. */
export class Link {
  /** Writes are made, and their answers lost. */
  losesAnswers = false
  /** Single objects are read as they were when this was set. */
  private old: Map<string, KindMap[Kind]> | undefined
  private isCut = false
  private readonly inner: Store
  private held: (() => void)[] | undefined
  private readonly watches = new Set<AbortController>()
  private readonly deafTo = new Set<Kind>()

  constructor(inner: Store) {
    this.inner = inner
  }

  cut(): void {
    this.isCut = true
    for (const watch of this.watches) watch.abort()
  }

  heal(): void {
    this.isCut = false
    this.losesAnswers = false
    this.old = undefined
    this.deafTo.clear()
    for (const watch of this.watches) watch.abort()
  }

  /** From now on writes are made, and their answers come when they are released, the first one first. */
  holdAnswers(): { release(count: number): void } {
    const held: (() => void)[] = []
    this.held = held
    return {
      release(count) {
        for (const release of held.splice(0, count)) release()
      },
    }
  }

  /** From now on nothing is heard of this kind, and nothing says so. */
  deafen(kind: Kind): void {
    this.deafTo.add(kind)
  }

  /** From now on reads are answered by a replica that stands still. */
  async freezeReads(): Promise<void> {
    const { items } = await this.inner.list('PodBlock')
    this.old = new Map(items.map(item => [item.metadata.name, item]))
  }

  asStore(): Store {
    return {
      list: (kind, options) => this.read(() => this.inner.list(kind, options)),
      watch: (kind, options) => this.watch(kind, options),
      get: (kind, key) => this.read(() => this.get(kind, key)),
      create: (kind, draft) => this.write(() => this.inner.create(kind, draft)),
      update: (kind, object) => this.write(() => this.inner.update(kind, object)),
      updateStatus: (kind, object) => this.write(() => this.inner.updateStatus(kind, object)),
      patch: (kind, key, patch, options) => this.write(() => this.inner.patch(kind, key, patch, options)),
      patchStatus: (kind, key, patch, options) =>
        this.write(() => this.inner.patchStatus(kind, key, patch, options)),
      delete: (kind, key, preconditions) => this.write(() => this.inner.delete(kind, key, preconditions)),
    }
  }

  private async get<K extends Kind>(kind: K, key: string): Promise<KindMap[K]> {
    const old = this.old?.get(key)
    return old !== undefined && isOf(old, kind) ? old : this.inner.get(kind, key)
  }

  private async read<T>(request: () => Promise<T>): Promise<T> {
    if (this.isCut) throw unavailable()
    return request()
  }

  private async write<T>(request: () => Promise<T>): Promise<T> {
    if (this.isCut) throw unavailable()
    const answer = await request()
    const { held } = this
    if (held !== undefined) await new Promise<void>(resolve => held.push(resolve))
    if (this.losesAnswers) throw unavailable()
    return answer
  }

  private async *watch<K extends Kind>(
    kind: K,
    options: WatchOptions,
  ): AsyncGenerator<WatchEvent<KindMap[K]>> {
    if (this.isCut) throw unavailable()
    const ended = new AbortController()
    this.watches.add(ended)
    try {
      const signal = AbortSignal.any([options.signal, ended.signal])
      for await (const event of this.inner.watch(kind, { ...options, signal })) {
        if (!this.deafTo.has(kind)) yield event
      }
    } finally {
      this.watches.delete(ended)
    }
    if (ended.signal.aborted) throw unavailable()
  }
}

function isOf<K extends Kind>(object: KindMap[Kind], kind: K): object is KindMap[K] {
  return object.kind === kind
}

function unavailable(): Error {
  return storeError('ask the store', 'there is no answer', { code: 'store.unavailable' })
}
