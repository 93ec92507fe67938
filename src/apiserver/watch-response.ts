import { type Clock, errorText, type Logger } from '../base/index.ts'
import { apiVersionOf, type Kind, type KubeObject, kindInfo } from '../model/index.ts'
import type { ListOptions, Store, WatchEvent } from '../store/index.ts'
import { statusOf } from './status.ts'
import type { WatchStream } from './watch-stream.ts'

export interface WatchRequest {
  readonly kind: Kind
  readonly select: ListOptions
  /** Empty or `0`: begin with what there is, as ADDED events. */
  readonly resourceVersion: string
  readonly bookmarks: boolean
  readonly timeoutMs: number
}

export interface WatchServices {
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
  /** The server shuts down. */
  readonly signal: AbortSignal
  /** Objects are frozen and shared by all watchers: each is turned into text once. */
  readonly texts: WeakMap<KubeObject, string>
}

/**
 * Streams a watch as JSON lines and returns when it has ended. Throws before the first byte only: a revision that has
 * expired is then an HTTP 410; later it is an ERROR event.
 */
export async function streamWatch(
  out: WatchStream,
  watch: WatchRequest,
  services: WatchServices,
): Promise<void> {
  const { store, clock, log, texts } = services
  const ended = new AbortController()
  const end = () => ended.abort()
  const timer = clock.after(watch.timeoutMs, end)
  services.signal.addEventListener('abort', end, { once: true })
  out.onClose(end)
  try {
    let { resourceVersion } = watch
    if (resourceVersion === '' || resourceVersion === '0') {
      const list = await store.list(watch.kind, watch.select)
      out.open()
      for (const object of list.items) await out.write(lineOf({ type: 'ADDED', object }, watch.kind, texts))
      resourceVersion = list.resourceVersion
    }
    const options = { ...watch.select, resourceVersion, signal: ended.signal, onOpen: () => out.open() }
    for await (const event of store.watch(watch.kind, options)) {
      if (event.type === 'BOOKMARK' && !watch.bookmarks) continue
      await out.write(lineOf(event, watch.kind, texts))
    }
  } catch (error) {
    if (!out.opened) throw error
    log.info('watch ended', { kind: watch.kind, why: errorText(error) })
    await out.write(JSON.stringify({ type: 'ERROR', object: statusOf(error) }))
  } finally {
    timer.cancel()
    services.signal.removeEventListener('abort', end)
    if (out.opened) out.end()
  }
}

function lineOf(event: WatchEvent<KubeObject>, kind: Kind, texts: WatchServices['texts']): string {
  if (event.type === 'BOOKMARK') {
    const metadata = { resourceVersion: event.resourceVersion, creationTimestamp: null }
    const object = { kind, apiVersion: apiVersionOf(kindInfo(kind)), metadata }
    return JSON.stringify({ type: 'BOOKMARK', object })
  }
  const text = texts.get(event.object) ?? JSON.stringify(event.object)
  texts.set(event.object, text)
  return `{"type":"${event.type}","object":${text}}`
}
