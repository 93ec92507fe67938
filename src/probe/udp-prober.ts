import type { Clock, Timer } from '../base/index.ts'
import type { DatagramChannel, ProbeOptions, ProbeOutcome } from './channel.ts'

interface Waiting {
  readonly sentMs: number
  readonly timer: Timer
  readonly resolve: (outcome: ProbeOutcome) => void
}

/** Sends numbered datagrams to UDP echo servers (RFC 862) and matches what comes back. */
export class UdpProber {
  private readonly channel: DatagramChannel
  private readonly clock: Clock
  private readonly waiting = new Map<string, Waiting>()
  private count = 0

  constructor(channel: DatagramChannel, clock: Clock) {
    this.channel = channel
    this.clock = clock
    channel.onMessage(bytes => {
      const text = Buffer.from(bytes).toString('latin1')
      const waiting = this.waiting.get(text)
      if (waiting !== undefined) this.settle(text, { ok: true, rttMs: clock.nowMs() - waiting.sentMs })
    })
  }

  probe(address: string, port: number, options: ProbeOptions): Promise<ProbeOutcome> {
    const { promise, resolve } = Promise.withResolvers<ProbeOutcome>()
    this.count += 1
    const text = `podlace-probe ${this.count} ${address}`
    const timer = this.clock.after(options.timeoutMs, () => {
      this.settle(text, { ok: false, reason: `no echo within ${options.timeoutMs} ms` })
    })
    this.waiting.set(text, { sentMs: this.clock.nowMs(), timer, resolve })
    try {
      this.channel.send(Buffer.from(text, 'latin1'), address, port)
    } catch (error) {
      this.settle(text, { ok: false, reason: error instanceof Error ? error.message : String(error) })
    }
    return promise
  }

  close(): void {
    for (const text of this.waiting.keys()) this.settle(text, { ok: false, reason: 'closed' })
    this.channel.close()
  }

  private settle(text: string, outcome: ProbeOutcome): void {
    const waiting = this.waiting.get(text)
    if (waiting === undefined) return
    this.waiting.delete(text)
    waiting.timer.cancel()
    waiting.resolve(outcome)
  }
}
