import * as v from 'valibot'
import { isAsRead, type KeyValue, putOperation } from '../../etcd/index.ts'
import { type Kind, type KindMap, objectKey } from '../../model/index.ts'
import { annotationsFromLease, leaseFromAnnotations } from '../../overlay/index.ts'
import type {
  ListOptions,
  MergePatch,
  ObjectList,
  Preconditions,
  Store,
  WatchEvent,
  WatchOptions,
} from '../../store/index.ts'
import { conflict, expired, inStoreWords, notFound, readOnly } from './store-errors.ts'
import { leaseOfInstance } from './subnet-objects.ts'
import type { Found, SubnetTable } from './subnet-table.ts'

/** What an agent writes. */
const annotationsPatch = v.object({
  metadata: v.object({ annotations: v.record(v.string(), v.nullable(v.string())) }),
})
const statusPatch = v.object({
  status: v.object({ lease: v.optional(v.object({ instance: v.pipe(v.string(), v.hexadecimal()) })) }),
})

/**
 * flannel's part of an etcd as a store: leases are Nodes with their PodBlocks, the configuration is a NetworkConfig. An
 * agent follows them and writes what it would write to any store: the annotations of its Node, which are the value of
 * its lease, and confirmations of its PodBlock, which renew the lease. Nothing else can be written.
 */
export class SubnetStore implements Store {
  private readonly table: SubnetTable

  constructor(table: SubnetTable) {
    this.table = table
  }

  async list<K extends Kind>(kind: K, { fieldSelector }: ListOptions = {}): Promise<ObjectList<KindMap[K]>> {
    const name = fieldSelector?.replace(/^metadata\.name=/, '')
    return this.asking(`list ${kind}`, kind, () => this.table.list(kind, name))
  }

  /** A block without a key is nobody's, which is not the same as one that nobody has to claim: `store.conflict`. */
  async get<K extends Kind>(kind: K, key: string): Promise<KindMap[K]> {
    return (await this.found(kind, key)).object
  }

  async *watch<K extends Kind>(
    kind: K,
    { resourceVersion, signal, onOpen }: WatchOptions,
  ): AsyncGenerator<WatchEvent<KindMap[K]>> {
    const { etcd } = this.table.options
    let seen = Number(resourceVersion)
    const options = { startRevision: seen + 1, signal, ...(onOpen === undefined ? {} : { onOpen }) }
    try {
      for await (const { events, revision } of etcd.watch(this.table.prefixOf(kind), options)) {
        for (const event of events) {
          const change = this.table.changeOf(kind, event)
          if (change === undefined) continue
          // Whoever follows goes on after a revision, and would miss the rest of one.
          if (event.now.modRevision <= seen) throw expired(kind, 'one write changed several keys')
          seen = event.now.modRevision
          yield change
        }
        if (events.length > 0 || revision <= seen) continue
        seen = revision
        yield { type: 'BOOKMARK', resourceVersion: String(seen) }
      }
    } catch (error) {
      throw inStoreWords(`watch ${kind}`, kind, error)
    }
  }

  /** Of the annotations of the own Node. */
  async patch<K extends Kind>(
    kind: K,
    key: string,
    patch: MergePatch,
    preconditions: Preconditions = {},
  ): Promise<KindMap[K]> {
    const parsed = v.safeParse(annotationsPatch, patch)
    if (kind !== 'Node' || !parsed.success) throw readOnly(kind, key)
    const { kv } = await this.ours(kind, key, preconditions)
    const before = annotationsFromLease(kv.value)
    if (typeof before === 'string') throw conflict(kind, key)
    const annotations = new Map(before)
    for (const [name, text] of Object.entries(parsed.output.metadata.annotations)) {
      if (text === null) annotations.delete(name)
      else annotations.set(name, text)
    }
    const value = leaseFromAnnotations(annotations)
    if (value !== kv.value) await this.replace(kind, key, kv, { ...kv, value })
    return this.get(kind, key)
  }

  /**
   * Of the own PodBlock: a confirmation renews the lease, and refuses if the key is not as it was read. How many
   * attachments there are is told to nobody: a lease is over when its time is.
   */
  async patchStatus<K extends Kind>(
    kind: K,
    key: string,
    patch: MergePatch,
    preconditions: Preconditions = {},
  ): Promise<KindMap[K]> {
    const parsed = v.safeParse(statusPatch, patch)
    if (kind !== 'PodBlock' || !parsed.success) throw readOnly(kind, key)
    const { lease } = parsed.output.status
    if (lease === undefined) {
      const known = this.table.known(kind, key)
      if (known === undefined) throw conflict(kind, key)
      return known
    }
    const { kv } = await this.ours(kind, key, preconditions)
    // One that is reserved for good stays so.
    const id = kv.lease === 0n ? 0n : await this.liveLease(kind, leaseOfInstance(lease.instance))
    await this.replace(kind, key, kv, { ...kv, lease: id })
    return this.get(kind, key)
  }

  create<K extends Kind>(kind: K): Promise<KindMap[K]> {
    return Promise.reject(readOnly(kind, 'to be created'))
  }

  update<K extends Kind>(kind: K, object: KindMap[K]): Promise<KindMap[K]> {
    return Promise.reject(readOnly(kind, objectKey(object)))
  }

  updateStatus<K extends Kind>(kind: K, object: KindMap[K]): Promise<KindMap[K]> {
    return this.update(kind, object)
  }

  delete<K extends Kind>(kind: K, key: string): Promise<undefined> {
    return Promise.reject(readOnly(kind, key))
  }

  private async found<K extends Kind>(kind: K, key: string): Promise<Found<K>> {
    const found = await this.asking(`get ${kind} ${key}`, kind, () => this.table.find(kind, key))
    if (found !== undefined) return found
    throw kind === 'PodBlock' ? conflict(kind, key) : notFound(kind, key)
  }

  /** What is of this node, and as its writer read it. */
  private async ours<K extends Kind>(kind: K, key: string, wanted: Preconditions): Promise<Found<K>> {
    const found = await this.found(kind, key)
    if (found.kv.key !== this.table.view.ownKey) throw readOnly(kind, key)
    const { uid, resourceVersion } = found.object.metadata
    if ((wanted.uid ?? uid) !== uid) throw conflict(kind, key)
    if ((wanted.resourceVersion ?? resourceVersion) !== resourceVersion) throw conflict(kind, key)
    return found
  }

  private async replace(
    kind: Kind,
    key: string,
    before: KeyValue,
    { value, lease }: KeyValue,
  ): Promise<void> {
    const { etcd } = this.table.options
    const done = await this.asking(`write ${kind} ${key}`, kind, () =>
      etcd.transact([isAsRead(before)], [putOperation(before.key, value, lease)]),
    )
    if (!done) throw conflict(kind, key)
  }

  /** The lease of this number, with all its time before it. */
  private liveLease(kind: Kind, id: bigint): Promise<bigint> {
    const { etcd, ttlSeconds } = this.table.options
    return this.asking('renew the lease', kind, async () => {
      const isThere = (await etcd.keepLeaseAlive(id)) > 0
      return isThere ? id : etcd.grantLease(ttlSeconds, id)
    })
  }

  /** Asks etcd, whose errors become those of a store. */
  private async asking<T>(op: string, kind: Kind, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (error) {
      throw inStoreWords(op, kind, error)
    }
  }
}
