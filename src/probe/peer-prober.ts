import { type Clock, errorText, type Timer } from '../base/index.ts'
import { PeerHealth, type PeerReport, type ProbePurpose, type ProbeTarget } from './peer-health.ts'

/** What ICMP says of a probe; `IcmpError` of `sys` is one. */
export interface ProbeAnswer {
  /** What it quotes of the probe; some routers quote nothing. */
  readonly quoted: Uint8Array
  readonly address: string
  readonly type: number
  readonly code: number
  /** Bytes; 0 if it does not say. */
  readonly mtu: number
  readonly offender: string
}

/** Sends datagrams that are never fragmented; the answers go to the listener it was opened with. */
export interface ProbeSender {
  /** Undefined if it was sent, else the errno's name. */
  send(bytes: Uint8Array, address: string, port: number): string | undefined
  /** The same with a checksum that is computed here, whatever the device could do. */
  sendSummed(bytes: Uint8Array, address: string, port: number): string | undefined
  close(): void
}

/** How often peers are asked. */
export interface ProbePace {
  /** Least time between two turns of a peer. */
  readonly intervalMs: number
  /** With many peers it is as long as that many times this, so that they cost the same however many they are. */
  readonly perPeerMs: number
  /** A later answer counts as lost. */
  readonly answerWithinMs: number
}

/**
 * Linux answers one closed port a second and asker (icmp_ratelimit), and a thousand in all (icmp_msgs_per_sec): with
 * 5,000 nodes, each of which asks 50 peers a second, a node answers 50.
 */
export const PROBE_PACE: ProbePace = { intervalMs: 10_000, perPeerMs: 20, answerWithinMs: 1_000 }

export interface PeerProberOptions {
  /** Called for each family that is needed; if it throws, again with the next probe. */
  readonly open: (family: 4 | 6, onAnswer: (answer: ProbeAnswer) => void) => ProbeSender
  readonly pace?: ProbePace
  /** Told after each turn in which it holds that checksums on the way to this peer are spoilt. */
  readonly onSpoiltChecksums?: (key: string) => void
  readonly clock: Clock
  readonly random: () => number
}

/** A port that should be closed everywhere: above those that Linux gives out by itself (32768 to 60999). */
export const PROBE_PORT = 61_113

/** IP and UDP headers. */
const HEADERS = { 4: 28, 6: 48 } as const

/** The number that a probe is known by. */
const ID_BYTES = 4

/** What falls due within one is done at once: waking up costs more than sending. */
const TICK_MS = 100

/** Turns of a peer come so much faster as long as it is not clear what a loss means. */
const HASTE = 5

interface Member {
  readonly key: string
  readonly target: ProbeTarget
  readonly health: PeerHealth
  timer?: Timer
  /** Of the probes of this turn. */
  readonly ids: number[]
}

interface Sent {
  readonly member: Member
  readonly purpose: ProbePurpose
  readonly address: string
}

/** Asks each peer from time to time whether it is there, without anything at the peer but its kernel. */
export class PeerProber {
  private readonly options: PeerProberOptions
  private readonly pace: ProbePace
  private readonly members = new Map<string, Member>()
  private readonly sent = new Map<number, Sent>()
  private readonly senders = new Map<4 | 6, ProbeSender>()
  /** When the pace has room for the first turn of one more peer. */
  private freeAtMs = 0

  constructor(options: PeerProberOptions) {
    this.options = options
    this.pace = options.pace ?? PROBE_PACE
  }

  /** One that is there already starts anew. */
  set(key: string, target: ProbeTarget): void {
    this.delete(key)
    const health = new PeerHealth(target)
    const member: Member = { key, target, health, ids: [] }
    this.members.set(key, member)
    this.wait(member, this.firstWaitMs(), () => this.turn(member))
  }

  delete(key: string): void {
    const member = this.members.get(key)
    if (member === undefined) return
    this.members.delete(key)
    member.timer?.cancel()
    this.forget(member)
  }

  report(key: string): PeerReport | undefined {
    return this.members.get(key)?.health.report
  }

  close(): void {
    for (const key of this.members.keys()) this.delete(key)
    for (const sender of this.senders.values()) sender.close()
    this.senders.clear()
  }

  /** New ones come soon, but of many each when the pace has room for it. */
  private firstWaitMs(): number {
    const { clock, random } = this.options
    const { intervalMs, perPeerMs } = this.pace
    const nowMs = clock.nowMs()
    this.freeAtMs = Math.max(this.freeAtMs, nowMs) + perPeerMs
    return this.freeAtMs - nowMs + (random() * intervalMs) / 10
  }

  private turn(member: Member): void {
    const { health } = member
    for (const purpose of health.turn(this.options.clock.nowMs())) this.send(member, purpose)
    this.wait(member, this.pace.answerWithinMs, () => {
      this.forget(member)
      health.judge()
      if (health.spoilsChecksums) this.options.onSpoiltChecksums?.(member.key)
      this.wait(member, Math.max(0, this.turnMs(health) - this.pace.answerWithinMs), () => this.turn(member))
    })
  }

  /** From one turn to the next; uneven, so that nodes that began together part. */
  private turnMs({ isSuspect }: PeerHealth): number {
    const { intervalMs, perPeerMs } = this.pace
    const usualMs = Math.max(intervalMs, this.members.size * perPeerMs)
    return (usualMs / (isSuspect ? HASTE : 1)) * (0.9 + 0.2 * this.options.random())
  }

  private send(member: Member, purpose: ProbePurpose): void {
    const { family, address, publicAddress, fullBytes } = member.target
    const id = Math.floor(this.options.random() * 2 ** 32)
    const bytes = Buffer.alloc(
      purpose === 'full' ? Math.max(ID_BYTES, fullBytes - HEADERS[family]) : ID_BYTES,
    )
    bytes.writeUInt32BE(id)
    const to = purpose === 'public' ? publicAddress : address
    this.sent.set(id, { member, purpose, address: to })
    member.ids.push(id)
    const refused = this.trySend(family, sender =>
      purpose === 'summed' ? sender.sendSummed(bytes, to, PROBE_PORT) : sender.send(bytes, to, PROBE_PORT),
    )
    if (refused !== undefined) member.health.refuse(refused)
  }

  private hear(family: 4 | 6, answer: ProbeAnswer): void {
    const { quoted, address, mtu } = answer
    if (quoted.length < ID_BYTES) return
    const id = new DataView(quoted.buffer, quoted.byteOffset).getUint32(0)
    const sent = this.sent.get(id)
    if (sent === undefined || sent.address !== address) return
    const { clock } = this.options
    const { health } = sent.member
    if (isTooBig(family, answer)) health.tooBig(sent.purpose, mtu)
    else if (isOfPeer(answer)) health.answered(sent.purpose, clock.nowMs(), clock.wallMs())
  }

  private forget(member: Member): void {
    for (const id of member.ids.splice(0)) this.sent.delete(id)
  }

  private wait(member: Member, delayMs: number, then: () => void): void {
    const { clock } = this.options
    const nowMs = clock.nowMs()
    const dueMs = Math.ceil((nowMs + delayMs) / TICK_MS) * TICK_MS
    member.timer = clock.after(dueMs - nowMs, then)
  }

  private trySend(family: 4 | 6, send: (sender: ProbeSender) => string | undefined): string | undefined {
    try {
      const sender =
        this.senders.get(family) ?? this.options.open(family, answer => this.hear(family, answer))
      this.senders.set(family, sender)
      return send(sender)
    } catch (error) {
      return errorText(error)
    }
  }
}

/** RFC 1191: destination unreachable, fragmentation needed. RFC 4443, section 3.2: packet too big. */
function isTooBig(family: 4 | 6, { type, code }: ProbeAnswer): boolean {
  return family === 4 ? type === 3 && code === 4 : type === 2
}

/** Whatever else it says (port unreachable, administratively prohibited), the packet came to the peer. */
function isOfPeer({ address, offender }: ProbeAnswer): boolean {
  return address === offender
}
