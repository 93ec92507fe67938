import type { WatchStream } from '../../apiserver/index.ts'
import type { Clock } from '../../base/index.ts'
import type { KubernetesRequest } from '../../store/index.ts'
import type { Exchange } from './exchange.ts'
import { isAbout, type LinkFaults } from './link-faults.ts'

/** So many lines may be under way before the server waits: the buffers of both kernels. */
const maxBacklog = 50
/** A client that takes nothing for so long is cut off, as by the real server. */
const stallMs = 30_000
/** So many lines back a watch can be repeated. */
const historyLength = 8

/** The server's end of a watch, where its lines can be told twice, in the wrong order, in part, or not at all. */
export class SimWatchStream implements WatchStream {
  opened = false
  private readonly exchange: Exchange
  private readonly faults: LinkFaults
  private readonly clock: Clock
  /** What has been told, the latest last; bookmarks are not kept. */
  private readonly history: string[] = []
  private readonly withheld: string[] = []
  /** Revision of what was told last, bookmarks too. */
  private toldRevision: string | undefined
  private swapping = false
  private closed = false

  constructor(exchange: Exchange, faults: LinkFaults, clock: Clock) {
    this.exchange = exchange
    this.faults = faults
    this.clock = clock
    exchange.onClose(() => (this.closed = true))
  }

  get request(): KubernetesRequest {
    return this.exchange.request
  }

  open(): void {
    if (this.opened || this.closed) return
    this.opened = true
    this.exchange.answerHead(200)
  }

  write(line: string): Promise<void> {
    if (this.isSilenced) {
      if (!isBookmark(line)) this.withheld.push(line)
      this.send(this.lastBookmark())
    } else if (this.swapping && this.withheld.length === 0 && !isBookmark(line)) {
      this.withheld.push(line)
    } else {
      const late = this.withheld.splice(0)
      const inOrder = isBookmark(line) ? [...late, line] : [line, ...late]
      this.swapping = false
      this.tell(inOrder)
    }
    return this.room()
  }

  end(): void {
    if (this.closed) return
    this.release()
    this.exchange.answerEnd()
  }

  onClose(fn: () => void): void {
    this.exchange.onClose(fn)
  }

  /** The last event comes again. */
  repeatLast(): void {
    const last = this.history.at(-1)
    if (last !== undefined) this.send(last)
  }

  /** The watch goes back in time: what has been told is told again from an earlier point on. */
  goBack(): void {
    for (const line of this.history.slice(0, -1)) this.send(line)
  }

  /** The next two events come in the wrong order. */
  swapNext(): void {
    this.swapping = true
  }

  /** Half a line, then the connection ends. */
  tear(): void {
    const line = this.history.at(-1) ?? this.lastBookmark()
    if (this.closed) return
    this.exchange.answerPiece(line.slice(0, line.length / 2))
    this.exchange.breakOff('socket hang up')
  }

  breakOff(): void {
    if (!this.closed) this.exchange.breakOff('read ECONNRESET')
  }

  /** The revision has expired in the middle of the watch. */
  expire(): void {
    const object = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code: 410 }
    this.send(JSON.stringify({ type: 'ERROR', object: { ...object, reason: 'Expired', message: 'too old' } }))
    if (!this.closed) this.exchange.answerEnd()
  }

  /** What has been kept back comes out, in order. */
  release(): void {
    this.swapping = false
    this.tell(this.withheld.splice(0))
  }

  /** The faults of its line changed. */
  releaseUnlessSilenced(): void {
    if (!this.isSilenced) this.release()
  }

  private get isSilenced(): boolean {
    return this.faults.bookmarksOnly && isAbout(this.request, this.faults.silenced)
  }

  private tell(lines: readonly string[]): void {
    for (const line of lines) if (!isBookmark(line)) this.history.push(line)
    this.history.splice(0, this.history.length - historyLength)
    this.toldRevision = revisionOf(lines.at(-1)) ?? this.toldRevision
    // lines that belong together share their fate: a connection that breaks between them would lose one for ever
    if (lines.length > 0) this.send(lines.join('\n'))
  }

  private send(text: string): void {
    if (!this.closed) this.exchange.answerPiece(`${text}\n`)
  }

  /** Resolves when the client may be sent more. */
  private room(): Promise<void> {
    if (this.closed || this.exchange.backlog < maxBacklog) return Promise.resolve()
    return new Promise(resolve => {
      const timer = this.clock.after(stallMs, () => this.breakOff())
      const done = () => {
        timer.cancel()
        resolve()
      }
      this.exchange.onClose(done)
      this.exchange.answerPiece('', done)
    })
  }

  /** The truth a server can tell that has nothing new: up to here you know everything. */
  private lastBookmark(): string {
    const asked = new URLSearchParams(this.request.path.split('?')[1]).get('resourceVersion')
    return JSON.stringify({
      type: 'BOOKMARK',
      object: { metadata: { resourceVersion: this.toldRevision ?? asked ?? '' } },
    })
  }
}

function revisionOf(line: string | undefined): string | undefined {
  return line === undefined ? undefined : /"resourceVersion":"(\d+)"/.exec(line)?.[1]
}

function isBookmark(line: string): boolean {
  return line.startsWith('{"type":"BOOKMARK"')
}
