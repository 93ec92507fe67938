import { type Clock, sleep } from '../base/index.ts'
import type { Pinger } from './pinger.ts'
import { type RttSummary, summarizeRtts } from './statistics.ts'

export interface PingStreamOptions {
  readonly pinger: Pinger
  readonly address: string
  readonly clock: Clock
  readonly intervalMs: number
  /** An answer later than this counts as lost. */
  readonly timeoutMs: number
}

export interface PingStreamReport {
  readonly sent: number
  readonly lost: number
  /** Milliseconds from the first to the last of the longest run of lost pings, plus one interval; 0 if none. */
  readonly longestOutageMs: number
  readonly rtt?: RttSummary
  /** Why the first lost one was lost. */
  readonly firstLoss?: string
}

interface Sent {
  readonly atMs: number
  lost: boolean
}

/** Pings at an even pace while something else happens, and counts what was lost. */
export class PingStream {
  private readonly options: PingStreamOptions
  private readonly sent: Sent[] = []
  private readonly rttsMs: number[] = []
  private readonly open = new Set<Promise<void>>()
  private readonly stopped = new AbortController()
  private readonly running: Promise<void>
  private firstLoss: string | undefined

  constructor(options: PingStreamOptions) {
    this.options = options
    this.running = this.run()
  }

  /** Stops sending, waits for what is under way (at most the timeout), and reports. */
  async stop(): Promise<PingStreamReport> {
    this.stopped.abort()
    await this.running
    await Promise.all(this.open)
    const rtt = summarizeRtts(this.rttsMs)
    return {
      sent: this.sent.length,
      lost: this.sent.filter(ping => ping.lost).length,
      longestOutageMs: longestOutage(this.sent, this.options.intervalMs),
      ...(rtt === undefined ? {} : { rtt }),
      ...(this.firstLoss === undefined ? {} : { firstLoss: this.firstLoss }),
    }
  }

  private async run(): Promise<void> {
    const { clock, intervalMs } = this.options
    let dueMs = clock.nowMs()
    while (!this.stopped.signal.aborted) {
      this.sendOne()
      // Paced by the clock, not by the sleeps: a late wake-up does not slow the stream down for good.
      const nowMs = clock.nowMs()
      dueMs = Math.max(dueMs + intervalMs, nowMs)
      await sleep(clock, dueMs - nowMs, this.stopped.signal)
    }
  }

  private sendOne(): void {
    const { pinger, address, timeoutMs, clock } = this.options
    const record: Sent = { atMs: clock.nowMs(), lost: false }
    this.sent.push(record)
    const answered = pinger.ping(address, { timeoutMs }).then(outcome => {
      if (outcome.ok) this.rttsMs.push(outcome.rttMs)
      else {
        record.lost = true
        this.firstLoss ??= outcome.reason
      }
      this.open.delete(answered)
    })
    this.open.add(answered)
  }
}

function longestOutage(sent: readonly Sent[], intervalMs: number): number {
  let longest = 0
  let began: number | undefined
  for (const ping of sent) {
    if (!ping.lost) {
      began = undefined
      continue
    }
    began ??= ping.atMs
    longest = Math.max(longest, ping.atMs - began + intervalMs)
  }
  return longest
}
