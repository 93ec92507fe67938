import type { Clock } from '../base/index.ts'
import type { Connection } from './connection.ts'
import { etcdError } from './errors.ts'
import { DELETE_EVENT, type KeyValue, METHODS, type WatchResponse } from './messages.ts'
import { prefixEnd } from './prefix.ts'

export interface WatchOptions {
  /** The first whose change is wanted: one more than that of a list, or of the last batch. */
  readonly startRevision: number
  readonly signal: AbortSignal
  /** Called once, when the watch stands. */
  readonly onOpen?: () => void
}

export type WatchEvent =
  | { readonly type: 'put'; readonly now: KeyValue; readonly before: KeyValue | undefined }
  /** `now` has the key and, as `modRevision`, the revision of the deletion. What was there is told while it is kept. */
  | { readonly type: 'delete'; readonly now: KeyValue; readonly before: KeyValue | undefined }

export interface WatchBatch {
  /** All changes up to this one have been told; without events, that there were none. */
  readonly revision: number
  readonly events: readonly WatchEvent[]
}

interface Limits {
  readonly clock: Clock
  /** For the watch to stand. */
  readonly timeoutMs: number
}

const { watch: WATCH } = METHODS
const OP = 'watch etcd'

/** One watch, which has a call of its own: all calls share one connection. */
export async function* watch(
  connection: Connection,
  prefix: string,
  { startRevision, signal, onOpen, clock, timeoutMs }: WatchOptions & Limits,
): AsyncGenerator<WatchBatch, void> {
  // A member that lost its leader hears of nothing, and would go on as if nothing happened.
  const { stream, failed } = await connection.stream(WATCH, { hasleader: 'true' })
  // While it was opened: nobody tells of that any more.
  if (signal.aborted) return stream.cancel()
  const onAbort = () => stream.cancel()
  signal.addEventListener('abort', onAbort, { once: true })
  const late = clock.after(timeoutMs, () => {
    const message = `the watch did not stand within ${timeoutMs} ms`
    stream.fail(etcdError(OP, message, { code: 'etcd.unavailable' }))
  })
  try {
    stream.send({
      create: {
        key: prefix,
        rangeEnd: prefixEnd(prefix),
        startRevision: oneBefore(startRevision),
        progressNotify: true,
        prevKv: true,
      },
    })
    for await (const response of stream) {
      refuseEnd(response)
      late.cancel()
      if (response.created) onOpen?.()
      else yield* batchOf(response, startRevision)
    }
    if (!signal.aborted) throw etcdError(OP, 'etcd ended the watch', { code: 'etcd.unavailable' })
  } catch (error) {
    if (!signal.aborted) throw failed(error)
  } finally {
    late.cancel()
    signal.removeEventListener('abort', onAbort)
    stream.cancel()
  }
}

function refuseEnd({ canceled, compactRevision, cancelReason }: WatchResponse): void {
  if (!canceled) return
  if (compactRevision > 0) {
    const message = `etcd has forgotten all before revision ${compactRevision}`
    throw etcdError(OP, message, { code: 'etcd.compacted', compactRevision })
  }
  const isDenied = /permission denied|auth token/.test(cancelReason)
  throw etcdError(OP, `etcd ended the watch: ${cancelReason}`, {
    code: isDenied ? 'etcd.denied' : 'etcd.unavailable',
  })
}

/**
 * Of the first revision that it keeps, etcd before 3.4.34 and 3.5.16 forgets that keys were deleted, and a watch from
 * there hears nothing of it (its changelog has "keep the tombstone during compaction"). From one before, that is
 * `etcd.compacted`. 0 would be "from now on".
 */
function oneBefore(revision: number): number {
  return Math.max(1, revision - 1)
}

/** None if all its events are older than what is wanted. */
function* batchOf({ header, events }: WatchResponse, startRevision: number): Generator<WatchBatch, void> {
  const wanted = events.flatMap(({ type, kv, prevKv }): WatchEvent[] =>
    kv === undefined || kv.modRevision < startRevision
      ? []
      : [{ type: type === DELETE_EVENT ? 'delete' : 'put', now: kv, before: prevKv }],
  )
  if (wanted.length > 0 || events.length === 0) yield { revision: header?.revision ?? 0, events: wanted }
}
