import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { type Clock, errorText, type Logger } from '../base/index.ts'
import { apiVersionOf, type Kind, type KubeObject, kindInfo } from '../model/index.ts'
import type { ListOptions, Store, WatchEvent } from '../store/index.ts'
import { statusOf } from './status.ts'

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
  /** A client that takes nothing for this long while data waits for it is cut off. */
  readonly stallMs: number
  /** Objects are frozen and shared by all watchers: each is turned into text once. */
  readonly texts: WeakMap<KubeObject, string>
}

/**
 * Streams a watch as JSON lines onto the raw response and returns when it has ended. Throws before the first byte only:
 * a revision that has expired is then an HTTP 410; later it is an ERROR event.
 */
export async function streamWatch(
  out: ServerResponse,
  watch: WatchRequest,
  services: WatchServices,
): Promise<void> {
  const { store, clock, log } = services
  const ended = new AbortController()
  const end = () => ended.abort()
  const timer = clock.after(watch.timeoutMs, end)
  services.signal.addEventListener('abort', end, { once: true })
  out.once('close', end)
  const open = () => openStream(out)
  try {
    let { resourceVersion } = watch
    if (resourceVersion === '' || resourceVersion === '0') {
      const list = await store.list(watch.kind, watch.select)
      open()
      for (const object of list.items) await send(out, { type: 'ADDED', object }, watch.kind, services)
      resourceVersion = list.resourceVersion
    }
    const options = { ...watch.select, resourceVersion, signal: ended.signal, onOpen: open }
    for await (const event of store.watch(watch.kind, options)) {
      if (event.type === 'BOOKMARK' && !watch.bookmarks) continue
      await send(out, event, watch.kind, services)
    }
  } catch (error) {
    if (!out.headersSent) throw error
    log.info('watch ended', { kind: watch.kind, why: errorText(error) })
    if (out.writable) out.write(`${JSON.stringify({ type: 'ERROR', object: statusOf(error) })}\n`)
  } finally {
    timer.cancel()
    services.signal.removeEventListener('abort', end)
    if (out.headersSent) out.end()
  }
}

function openStream(out: ServerResponse): void {
  if (out.headersSent || out.destroyed) return
  out.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' })
  out.flushHeaders()
}

async function send(
  out: ServerResponse,
  event: WatchEvent<KubeObject>,
  kind: Kind,
  services: WatchServices,
): Promise<void> {
  if (out.destroyed || out.write(`${lineOf(event, kind, services.texts)}\n`)) return
  await drained(out, services)
}

/** Waits until the client has taken what was written; one that does not is disconnected, it will list again. */
async function drained(out: ServerResponse, services: WatchServices): Promise<void> {
  const { clock, log, stallMs } = services
  const timer = clock.after(stallMs, () => {
    log.warn('cutting off a watcher that does not read', { stallMs })
    out.destroy()
  })
  const closed = new AbortController()
  const onClose = () => closed.abort()
  out.once('close', onClose)
  try {
    if (!out.destroyed && out.writableNeedDrain) await once(out, 'drain', { signal: closed.signal })
  } catch {
    // closed: whoever writes next sees it
  } finally {
    timer.cancel()
    out.removeListener('close', onClose)
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
