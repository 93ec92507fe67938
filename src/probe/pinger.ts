import type { Clock, Timer } from '../base/index.ts'
import type { DatagramChannel, ProbeOptions, ProbeOutcome } from './channel.ts'
import { decodeIcmpEcho, encodeIcmpEcho } from './icmp-echo.ts'

export interface PingerOptions {
  /** An ICMP socket, raw or datagram, of the namespace to ping from. */
  readonly channel: DatagramChannel
  readonly family: 4 | 6
  readonly clock: Clock
  /** Different for every pinger of a namespace, 0 to 65535: a raw socket hears the answers to all of them. */
  readonly identifier: number
  /** What follows the ICMP header, in bytes; 56 as ping(8) has it. */
  readonly dataBytes?: number
}

interface Waiting {
  readonly sentMs: number
  readonly address: string
  readonly timer: Timer
  readonly resolve: (outcome: ProbeOutcome) => void
}

const DEFAULT_DATA_BYTES = 56

/** `ping`: sends ICMP echo requests and matches the replies by sequence number. */
export class Pinger {
  private readonly options: PingerOptions
  private readonly waiting = new Map<number, Waiting>()
  private sequence = 0

  constructor(options: PingerOptions) {
    this.options = options
    options.channel.onMessage((bytes, from) => this.receive(bytes, from.address))
  }

  /** One echo request. Resolves always; a refused send is an outcome. */
  ping(address: string, options: ProbeOptions): Promise<ProbeOutcome> {
    const { channel, clock, family, identifier, dataBytes = DEFAULT_DATA_BYTES } = this.options
    const { promise, resolve } = Promise.withResolvers<ProbeOutcome>()
    this.sequence = (this.sequence + 1) & 0xffff
    const sequence = this.sequence
    // A sequence number comes round after 65,536 pings: whoever still waits under it has lost.
    this.settle(sequence, { ok: false, reason: 'superseded by 65,536 later pings' })
    const data = new Uint8Array(dataBytes)
    const request = encodeIcmpEcho({ reply: false, identifier, sequence, data }, family)
    const timer = clock.after(options.timeoutMs, () => {
      this.settle(sequence, { ok: false, reason: `no answer within ${options.timeoutMs} ms` })
    })
    this.waiting.set(sequence, { sentMs: clock.nowMs(), address, timer, resolve })
    try {
      channel.send(request, address)
    } catch (error) {
      this.settle(sequence, { ok: false, reason: error instanceof Error ? error.message : String(error) })
    }
    return promise
  }

  close(): void {
    for (const sequence of this.waiting.keys()) this.settle(sequence, { ok: false, reason: 'closed' })
    this.options.channel.close()
  }

  private receive(bytes: Uint8Array, from: string): void {
    const receivedMs = this.options.clock.nowMs()
    const echo = decodeIcmpEcho(bytes, this.options.family)
    if (echo === undefined || !echo.reply || echo.identifier !== this.options.identifier) return
    const waiting = this.waiting.get(echo.sequence)
    // A late answer to an earlier round, or a forged one.
    if (waiting === undefined || waiting.address !== from) return
    this.settle(echo.sequence, { ok: true, rttMs: receivedMs - waiting.sentMs })
  }

  private settle(sequence: number, outcome: ProbeOutcome): void {
    const waiting = this.waiting.get(sequence)
    if (waiting === undefined) return
    this.waiting.delete(sequence)
    waiting.timer.cancel()
    waiting.resolve(outcome)
  }
}
