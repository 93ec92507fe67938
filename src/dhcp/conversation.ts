import { Backoff, type Clock, errorText, type Timer } from '../base/index.ts'
import { macFromBytes, macToBytes } from '../ip/index.ts'
import { type DhcpMessage, decodeDhcp, decodeUdpIpv4, encodeDhcp, encodeUdpIpv4 } from '../packet/index.ts'
import type { PacketSocket, PacketSource } from '../sys/index.ts'
import type { Lease } from './lease.ts'
import { type Draft, hostOf } from './messages.ts'

/** One link's IPv4 packets to the port of DHCP clients. */
export type Wire = Pick<PacketSocket, 'send' | 'onPacket' | 'close'>

/** Whence and whither a message goes. */
export interface Route {
  readonly source: string
  readonly target: string
  readonly mac: string
}

export const CLIENT_PORT = 68
const SERVER_PORT = 67
/** The first pause; it doubles. */
const RESEND_MS = 1_500

/** To every server of the link. @param source 0.0.0.0 unless an address is borne already */
export function toAll(source = '0.0.0.0'): Route {
  return { source, target: '255.255.255.255', mac: 'ff:ff:ff:ff:ff:ff' }
}

/** To the server of the lease. */
export function toServer(lease: Lease): Route {
  return { source: hostOf(lease), target: lease.server, mac: lease.serverMac }
}

export interface ConversationOptions {
  readonly wire: Wire
  /** The link's own. */
  readonly mac: string
  readonly clock: Clock
  readonly random: () => number
  /** The longest pause between two sendings. */
  readonly resendMaxMs: number
  /** Ends what is under way. */
  readonly signal: AbortSignal
}

type Answered = (message: DhcpMessage, fromMac: string) => void

/**
 * Asks servers and waits for their answers. Whoever is on the link may send anything: what is no answer to us is dropped
 * and counted by its fault.
 */
export class Conversation {
  private readonly options: ConversationOptions
  private readonly transaction: number
  private readonly startMs: number
  private readonly dropped = new Map<string, number>()
  private onAnswer: Answered | undefined

  /** Listens from now on; the wire stays the caller's. */
  constructor(options: ConversationOptions) {
    this.options = options
    this.transaction = Math.floor(options.random() * 2 ** 32)
    this.startMs = options.clock.nowMs()
    options.wire.onPacket((packet, from) => this.hear(packet, from))
  }

  /** What went wrong beside silence, for a message: ` (dropped: 2 of another transaction)`; empty if nothing did. */
  get mishaps(): string {
    const parts = Array.from(this.dropped, ([fault, count]) => `${count} ${fault}`)
    return parts.length === 0 ? '' : ` (not counted as answers: ${parts.join(', ')})`
  }

  /**
   * Sends until there is an answer, or it is `untilMs`; then undefined.
   *
   * @param judge what the answer means; a text is why it is none, undefined passes over it
   */
  ask<T extends object>(
    draft: Draft,
    route: Route,
    untilMs: number,
    judge: (message: DhcpMessage, fromMac: string) => T | string | undefined,
  ): Promise<T | undefined> {
    const { clock, random, resendMaxMs, signal } = this.options
    const backoff = new Backoff({ firstMs: RESEND_MS, maxMs: resendMaxMs, random })
    return new Promise(resolve => {
      let timer: Timer | undefined
      const finish = (answer?: T) => {
        timer?.cancel()
        signal.removeEventListener('abort', onAbort)
        this.onAnswer = undefined
        resolve(answer)
      }
      const onAbort = () => finish()
      const sendAgain = () => {
        const leftMs = untilMs - clock.nowMs()
        if (leftMs <= 0 || signal.aborted) return finish()
        timer = clock.after(Math.min(leftMs, backoff.nextMs()), sendAgain)
        this.tell(draft, route)
      }
      this.onAnswer = (message, fromMac) => {
        const answer = judge(message, fromMac)
        if (typeof answer === 'string') this.drop(answer)
        else if (answer !== undefined) finish(answer)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      sendAgain()
    })
  }

  /** Sends once. What does not get out is as lost as what is lost on the way. */
  tell(draft: Draft, { source, target, mac }: Route): void {
    const { wire, clock } = this.options
    const message = encodeDhcp({
      ...draft,
      op: 'request',
      transaction: this.transaction,
      seconds: Math.min(0xffff, Math.floor((clock.nowMs() - this.startMs) / 1_000)),
      yourAddress: '0.0.0.0',
      mac: this.options.mac,
    })
    const ports = { sourcePort: CLIENT_PORT, targetPort: SERVER_PORT }
    try {
      wire.send(encodeUdpIpv4({ source, target, ...ports, payload: message }), macToBytes(mac))
    } catch (error) {
      this.drop(`not sent: ${errorText(error)}`)
    }
  }

  private hear(packet: Uint8Array, { mac, hasChecksum }: PacketSource): void {
    const message = this.read(packet, hasChecksum)
    if (typeof message === 'string') this.drop(message)
    else this.onAnswer?.(message, macFromBytes(mac))
  }

  private read(packet: Uint8Array, hasChecksum: boolean): DhcpMessage | string {
    const datagram = decodeUdpIpv4(packet, hasChecksum)
    if (typeof datagram === 'string') return datagram
    const message = decodeDhcp(datagram.payload)
    if (typeof message === 'string') return message
    if (message.op !== 'reply') return 'no reply'
    if (message.transaction !== this.transaction) return 'of another transaction'
    return message.mac === this.options.mac ? message : 'for another client'
  }

  private drop(fault: string): void {
    this.dropped.set(fault, (this.dropped.get(fault) ?? 0) + 1)
  }
}
