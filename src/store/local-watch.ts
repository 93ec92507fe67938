import type { Clock } from '../base/index.ts'
import type { Kind, KubeObject } from '../model/index.ts'
import type { ChangeWindow, StoredChange } from './change-window.ts'
import { type StoreError, storeError } from './errors.ts'
import { matcherOf } from './selectors.ts'
import { revisionNumber, type WatchEvent, type WatchOptions } from './store.ts'

interface Following<T> {
  readonly kind: Kind
  readonly options: WatchOptions
  readonly window: ChangeWindow<T>
  readonly clock: Clock
  readonly bookmarkMs: number
  readonly currentRevision: () => number
  readonly atRevision: (object: T, revision: number) => T
}

/** The watch of a local store: reads the window from the asked revision on and waits at its end. */
export async function* followChanges<T extends KubeObject>(
  following: Following<T>,
): AsyncGenerator<WatchEvent<T>> {
  const { kind, options, window, currentRevision } = following
  const matches = matcherOf(kind, options)
  let position = startOf(following)
  let opened = false
  while (!options.signal.aborted) {
    // the listener may write at once: it is told before we look, so that its change is not slept through
    if (!opened && window.next(position) !== 'expired') options.onOpen?.()
    opened = true
    const change = window.next(position)
    if (change === 'expired') throw expired(kind, `revision ${position} is no longer in the watch window`)
    if (change !== undefined) {
      position = change.revision
      const event = eventOf(change, matches, following.atRevision)
      if (event !== undefined) yield event
    } else if ((await nextPush(following)) === 'quiet' && window.next(position) === undefined) {
      position = currentRevision()
      yield { type: 'BOOKMARK', resourceVersion: String(position) }
    }
  }
}

function startOf<T>(following: Following<T>): number {
  const { kind, options, currentRevision } = following
  const asked = revisionNumber(options.resourceVersion)
  if (asked === undefined)
    throw expired(kind, `revision "${options.resourceVersion}" is not one of this store`)
  if (asked <= BigInt(currentRevision())) return Number(asked)
  const message = `revision ${asked} is ahead of the store's ${currentRevision()}: it comes from another store`
  throw expired(kind, message)
}

function expired(kind: Kind, message: string): StoreError {
  return storeError(`watch ${kind}`, `${message}; list again`, { code: 'store.expired', kind })
}

/** What a watcher with this selection sees of a change: an object that leaves the selection is deleted for it. */
function eventOf<T extends KubeObject>(
  change: StoredChange<T>,
  matches: (object: KubeObject) => boolean,
  atRevision: (object: T, revision: number) => T,
): WatchEvent<T> | undefined {
  const { before, after, revision } = change
  const seen = before !== undefined && matches(before)
  if (after !== undefined && matches(after)) return { type: seen ? 'MODIFIED' : 'ADDED', object: after }
  return seen ? { type: 'DELETED', object: atRevision(before, revision) } : undefined
}

/** Resolves at the next change of the kind (or when the watch is given up), or `quiet` after the bookmark interval. */
function nextPush<T>(following: Following<T>): Promise<'push' | 'quiet'> {
  const { window, clock, bookmarkMs, options } = following
  return new Promise(resolve => {
    const end = (how: 'push' | 'quiet') => {
      takeBack()
      timer.cancel()
      options.signal.removeEventListener('abort', onAbort)
      resolve(how)
    }
    const onAbort = () => end('push')
    const takeBack = window.onPush(() => end('push'))
    const timer = clock.after(bookmarkMs, () => end('quiet'))
    options.signal.addEventListener('abort', onAbort, { once: true })
    if (options.signal.aborted) end('push')
  })
}
