import type { Clock } from '../base/index.ts'
import { Connection, type Credentials } from './connection.ts'
import { parseEndpoint, type TlsFiles } from './endpoint.ts'
import { COMPARE, type Compare, type KeyValue, METHODS, type Operation } from './messages.ts'
import { prefixEnd } from './prefix.ts'
import { type WatchBatch, type WatchOptions, watch } from './watch.ts'

export interface EtcdOptions {
  /** `http://host:port` or `https://host:port`, of one cluster. */
  readonly endpoints: readonly string[]
  readonly tls?: () => TlsFiles
  readonly credentials?: () => Credentials
  readonly clock: Clock
  /** Of one try of one call, at one endpoint; default 5,000. */
  readonly timeoutMs?: number
}

export interface RangeResult {
  /** Of the whole store, when this was read. */
  readonly revision: number
  readonly kvs: readonly KeyValue[]
}

/**
 * etcd, version 3.4 or later. Reads are linearizable, and go to the next endpoint when one does not answer. All methods
 * throw EtcdError; a write that fails with `etcd.unavailable` may have been done.
 */
export class EtcdClient {
  private readonly connection: Connection
  private readonly clock: Clock
  private readonly timeoutMs: number

  constructor({ endpoints, tls = () => ({}), credentials, clock, timeoutMs = 5_000 }: EtcdOptions) {
    this.clock = clock
    this.timeoutMs = timeoutMs
    this.connection = new Connection({
      endpoints: endpoints.map(text => parseEndpoint(text, tls)),
      ...(credentials === undefined ? {} : { credentials }),
      clock,
      timeoutMs,
    })
  }

  async get(key: string): Promise<KeyValue | undefined> {
    return (await this.range(key, '')).kvs[0]
  }

  /** All keys that begin so, in the order of their bytes. */
  list(prefix: string): Promise<RangeResult> {
    return this.range(prefix, prefixEnd(prefix))
  }

  /** @param lease the key goes with it; 0 for one that stays */
  async put(key: string, value: string, lease = 0n): Promise<void> {
    await this.connection.call(METHODS.put, { key, value, lease }, { repeatable: false })
  }

  /** True if the key was there. */
  async delete(key: string): Promise<boolean> {
    const request = { key, rangeEnd: '' }
    return (await this.connection.call(METHODS.deleteRange, request, { repeatable: false })).deleted > 0
  }

  /** How many keys that begin so were there. */
  async deleteAll(prefix: string): Promise<number> {
    const request = { key: prefix, rangeEnd: prefixEnd(prefix) }
    return (await this.connection.call(METHODS.deleteRange, request, { repeatable: false })).deleted
  }

  /** Does all of it if all conditions hold, else nothing; whether they did. */
  async transact(conditions: readonly Compare[], operations: readonly Operation[]): Promise<boolean> {
    const request = { compare: conditions, success: operations }
    return (await this.connection.call(METHODS.txn, request, { repeatable: false })).succeeded
  }

  /** A new lease; its id. One of a given id is refused (status 9) if it is there already. */
  async grantLease(ttlSeconds: number, id = 0n): Promise<bigint> {
    return (await this.connection.call(METHODS.leaseGrant, { ttlSeconds, id }, { repeatable: false })).id
  }

  /** Ends it, and all its keys with it. One that is gone is refused with status 5. */
  async revokeLease(id: bigint): Promise<void> {
    await this.connection.call(METHODS.leaseRevoke, { id }, { repeatable: false })
  }

  /** Lets the lease last for its whole time again, and tells it, in seconds; 0 if there is no such lease. */
  async keepLeaseAlive(id: bigint): Promise<number> {
    return (await this.connection.call(METHODS.leaseKeepAlive, { id }, { repeatable: true })).ttlSeconds
  }

  /** Seconds that the lease has left; undefined if there is no such lease. */
  async leaseTimeLeft(id: bigint): Promise<number | undefined> {
    const { ttlSeconds } = await this.connection.call(METHODS.leaseTimeToLive, { id }, { repeatable: true })
    return ttlSeconds < 0 ? undefined : ttlSeconds
  }

  /** Forgets all revisions before this one: who watches from an earlier one must list again. */
  async compact(revision: number): Promise<void> {
    await this.connection.call(METHODS.compact, { revision }, { repeatable: false })
  }

  /**
   * Changes of all keys that begin so, from a revision on, until the signal aborts. Every error ends it; then it goes on
   * from the last revision seen, at another endpoint if need be, or after `etcd.compacted` with a new list.
   */
  watch(prefix: string, options: WatchOptions): AsyncGenerator<WatchBatch, void> {
    return watch(this.connection, prefix, { ...options, clock: this.clock, timeoutMs: this.timeoutMs })
  }

  close(): void {
    this.connection.close()
  }

  private async range(key: string, rangeEnd: string): Promise<RangeResult> {
    const request = { key, rangeEnd, revision: 0 }
    const { header, kvs } = await this.connection.call(METHODS.range, request, { repeatable: true })
    return { revision: header?.revision ?? 0, kvs }
  }
}

/** True while nobody has created the key. */
export function isAbsent(key: string): Compare {
  return { target: COMPARE.version, key, version: 0, modRevision: 0 }
}

/** True while the key is as it was read. */
export function isAsRead({ key, modRevision }: KeyValue): Compare {
  return { target: COMPARE.modRevision, key, version: 0, modRevision }
}

export function putOperation(key: string, value: string, lease = 0n): Operation {
  return { put: { key, value, lease }, deleteRange: undefined }
}

export function deleteOperation(key: string): Operation {
  return { put: undefined, deleteRange: { key, rangeEnd: '' } }
}
