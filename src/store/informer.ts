import { isDeepStrictEqual } from 'node:util'
import { Backoff, type Clock, errorText, type Logger, sleep } from '../base/index.ts'
import type { Source } from '../derive/index.ts'
import { type Kind, type KindMap, objectKey } from '../model/index.ts'
import { isStoreError } from './errors.ts'
import { RevisionGuard } from './revision-guard.ts'
import { eventRevision, type ListOptions, type ObjectList, type Store, type WatchEvent } from './store.ts'

export interface InformerOptions<K extends Kind> {
  readonly store: Store
  readonly kind: K
  /** Keyed by `objectKey`; nobody else writes to it. */
  readonly source: Source<KindMap[K]>
  readonly clock: Clock
  /** Uniform in [0, 1): jitter of the waiting times. */
  readonly random: () => number
  readonly log: Logger
  /** What of an object goes into the source; all of it by default. */
  keep?(object: KindMap[K]): KindMap[K]
  /** Follow only these objects. */
  readonly select?: Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>
  /** Waiting between failed tries: from 200 ms doubling to this; default 10,000. */
  readonly maxBackoffMs?: number
  /**
   * A list older than what was seen already comes from a lagging replica and is refused. If the store stays behind for
   * this long (default 30,000 ms) it has been restored from a backup, and its list is taken.
   */
  readonly fallGraceMs?: number
}

type ObjectEvent<T> = Exclude<WatchEvent<T>, { readonly type: 'BOOKMARK' }>

/** In less time nobody replaces a store by a backup; who has not heard of it for longer must look again, ms. */
const quickestRestoreMs = 10_000
/** A server may ask for more patience than our own waiting times, but not for any. */
const maxRetryAfterMs = 60_000

export interface InformerCounters {
  readonly lists: number
  readonly events: number
  /** Lists and events refused because their revision went back or repeated. */
  readonly refused: number
  readonly failures: number
}

/**
 * Follows one kind of a store into a source of a `derive` graph: list, watch, and after any fault list again and diff.
 *
 * The source changes only by a complete list or by an event that is newer than all before it, so nothing is deleted
 * while disconnected, and time never runs backward.
 */
export class Informer<K extends Kind> {
  private readonly options: InformerOptions<K>
  private readonly backoff: Backoff
  private readonly abort = new AbortController()
  private readonly syncedListeners = new Set<() => void>()
  private readonly count = { lists: 0, events: 0, refused: 0, failures: 0 }
  private running: Promise<void> | undefined
  private isSynced = false
  private isConnected = false
  /** Where the next watch begins; without it a list comes first. */
  private position: string | undefined
  private readonly revisions: RevisionGuard
  private contactMs: number | undefined
  /** The last event that changed something; none since the last list. */
  private lastChange: ObjectEvent<KindMap[K]> | undefined
  /** The store was away: what answers next may know another past. */
  private inDoubt = false
  /** What the server asked for with its last refusal. */
  private askedToWaitMs = 0

  constructor(options: InformerOptions<K>) {
    this.options = options
    const { maxBackoffMs: maxMs = 10_000, fallGraceMs = 30_000 } = options
    this.revisions = new RevisionGuard(options.clock, fallGraceMs)
    this.backoff = new Backoff({ firstMs: Math.min(200, maxMs), maxMs, random: options.random })
  }

  /** The source holds a complete list (perhaps an old one by now). */
  get synced(): boolean {
    return this.isSynced
  }

  /** The last list or watch has not failed. */
  get connected(): boolean {
    return this.isConnected
  }

  get counters(): InformerCounters {
    return { ...this.count }
  }

  /** Milliseconds since the store was last heard of; undefined before the first time. */
  ageMs(): number | undefined {
    return this.contactMs === undefined ? undefined : this.options.clock.nowMs() - this.contactMs
  }

  start(): void {
    this.running ??= this.run(this.abort.signal)
  }

  /** Calls `fn` once, after the first complete list is in the source: at once if it already is. */
  onSynced(fn: () => void): void {
    if (this.isSynced) fn()
    else this.syncedListeners.add(fn)
  }

  /** Resolves when nothing of it runs any more. The source keeps what it has. */
  async stop(): Promise<void> {
    this.abort.abort()
    await this.running
    this.isConnected = false
  }

  private async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.askedToWaitMs = 0
      if (await this.cycle(signal)) this.backoff.reset()
      else await sleep(this.options.clock, Math.max(this.backoff.nextMs(), this.askedToWaitMs), signal)
    }
  }

  /** A list, if one is due, and a watch to its end. True if it got anywhere: an event, or a watch that stood a second. */
  private async cycle(signal: AbortSignal): Promise<boolean> {
    const { clock } = this.options
    const startMs = clock.nowMs()
    const eventsBefore = this.count.events
    try {
      this.inDoubt ||= (this.ageMs() ?? 0) > quickestRestoreMs
      if (this.inDoubt && this.position !== undefined) this.position = await this.confirmedPosition(signal)
      this.position ??= await this.relist(signal)
      await this.follow(this.position, signal)
    } catch (error) {
      if (!signal.aborted) this.recover(error)
    }
    return this.count.events > eventsBefore || (this.isConnected && clock.nowMs() - startMs >= 1_000)
  }

  /** After store.expired the list comes anew; after anything else the watch goes on where it was. */
  private recover(error: unknown): void {
    const { kind, log } = this.options
    if (isStoreError(error, 'store.expired')) {
      this.position = undefined
      log.info(`listing ${kind} again`, { why: errorText(error) })
      return
    }
    this.count.failures += 1
    this.isConnected = false
    this.inDoubt = true
    if (isStoreError(error, 'store.unavailable')) {
      this.askedToWaitMs = Math.min(error.payload.retryAfterMs ?? 0, maxRetryAfterMs)
    }
    log.warn(`cannot follow ${kind}, will try again; what is known stays in force`, {
      error: errorText(error),
    })
  }

  /**
   * From where a watch may go on after an interruption: the last change, if it is still true. A store that was restored
   * from a backup has undone it, and has perhaps used its revision again for another change; then a list comes first.
   */
  private async confirmedPosition(signal: AbortSignal): Promise<string | undefined> {
    const { store, kind, select } = this.options
    // That an object is not there proves nothing: it may have been deleted once more, under another revision.
    if (this.lastChange === undefined || this.lastChange.type === 'DELETED') return undefined
    const { object } = this.lastChange
    const { name, namespace, resourceVersion } = object.metadata
    const { items } = await store.list(kind, {
      ...select,
      ...(namespace === undefined ? {} : { namespace }),
      fieldSelector: [select?.fieldSelector, `metadata.name=${name}`].filter(Boolean).join(','),
      signal,
    })
    this.inDoubt = false
    return isDeepStrictEqual(items[0], object) ? resourceVersion : undefined
  }

  /** Replaces the source by a complete list and returns its revision. */
  private async relist(signal: AbortSignal): Promise<string> {
    const { store, kind, source, select } = this.options
    const list = await store.list(kind, { ...select, signal })
    signal.throwIfAborted()
    this.refuseOldList(list)
    this.count.lists += 1
    this.heard()
    source.replace(this.entriesOf(list))
    this.lastChange = undefined
    this.inDoubt = false
    this.synchronized()
    return list.resourceVersion
  }

  /** An object that became unreadable keeps its last good version: one bad object is no reason to take a node away. */
  private entriesOf(list: ObjectList<KindMap[K]>): [string, KindMap[K]][] {
    const { source, kind, log } = this.options
    const entries = list.items.map((item): [string, KindMap[K]] => [objectKey(item), this.kept(item)])
    for (const { key, message } of list.rejected ?? []) {
      log.warn(`${kind} ${key} cannot be used`, { error: message })
      const known = source.get(key)
      if (known !== undefined) entries.push([key, known])
    }
    return entries
  }

  private refuseOldList({ resourceVersion: found }: ObjectList<unknown>): void {
    const { kind, log } = this.options
    const { seen } = this.revisions
    const verdict = this.revisions.judgeList(found)
    if (verdict === 'old') {
      this.count.refused += 1
      throw new Error(`the list of ${kind} is from revision ${found}, ${seen} has been seen already`)
    }
    if (verdict === 'fallen') {
      const message = 'the store went back and stays there, as after a restore from a backup: taking its list'
      log.warn(message, { kind, seen, found })
    }
  }

  private async follow(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const { store, kind, select } = this.options
    const onOpen = () => this.heard()
    for await (const event of store.watch(kind, { ...select, resourceVersion, signal, onOpen })) {
      if (signal.aborted) return
      if (!this.take(event)) return
    }
  }

  /** Brings one event into the source. False if the stream cannot be trusted any more and a list must follow. */
  private take(event: WatchEvent<KindMap[K]>): boolean {
    const { source, kind, log } = this.options
    const revision = eventRevision(event)
    const { seen } = this.revisions
    const verdict = this.revisions.judgeEvent(revision)
    if (verdict === 'again' && event.type === 'BOOKMARK') return this.heard()
    if (verdict !== 'new') {
      this.count.refused += 1
      // Delivered twice, if it is the same change; else its revision was used again, after a restore from a backup.
      if (verdict === 'again' && this.lastChange?.object.metadata.resourceVersion === revision) return true
      log.warn(`the watch of ${kind} went back, listing again`, { seen, found: revision })
      this.position = undefined
      return false
    }
    this.position = revision
    this.count.events += 1
    if (event.type !== 'BOOKMARK') this.lastChange = event
    if (event.type === 'DELETED') source.delete(objectKey(event.object))
    else if (event.type !== 'BOOKMARK') source.set(objectKey(event.object), this.kept(event.object))
    return this.heard()
  }

  private kept(object: KindMap[K]): KindMap[K] {
    return this.options.keep?.(object) ?? object
  }

  private heard(): true {
    this.contactMs = this.options.clock.nowMs()
    this.isConnected = true
    return true
  }

  private synchronized(): void {
    this.isSynced = true
    const listeners = [...this.syncedListeners]
    this.syncedListeners.clear()
    for (const listener of listeners) listener()
  }
}
