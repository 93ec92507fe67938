import { median } from './statistics.ts'

/** Whose answer is looked for. */
export interface ProbeTarget {
  readonly family: 4 | 6
  /** The peer's own address at the end of the way. */
  readonly address: string
  /** Asked too while `address` does not answer; equal to it where nothing is between. */
  readonly publicAddress: string
  /** Size of the IP packets that the way is meant to carry, bytes. */
  readonly fullBytes: number
  /** Whether a device on the way out fills in the checksums of what is sent, so that it may spoil them. Default false. */
  readonly offloads?: boolean
}

/**
 * What a probe is to find out: is the peer there, do packets of full size reach it, does its public address answer, does
 * it hear at least what bears a checksum that was computed here?
 */
export type ProbePurpose = 'small' | 'full' | 'public' | 'summed'

export interface PeerReport {
  /** `unknown` until the first answer, or until it is clear that none comes. */
  readonly state: 'unknown' | 'up' | 'down'
  /** While down: whether its public address answers; undefined if that is not clear, or nothing else to ask. */
  readonly answersPublicly?: boolean
  /** Median of the last answers, milliseconds. */
  readonly rttMs?: number
  /** Part of the last probes that was not answered, 0 to 1. */
  readonly lossRatio?: number
  /** Of the last answer: monotonic milliseconds, and wall time for display. */
  readonly lastSeen?: { readonly atMs: number; readonly wallMs: number }
  /** Small packets are lost unless their checksum is computed here: whoever fills in the others spoils them. */
  readonly spoilsChecksums?: true
  /** `lost`: small packets are answered, those of full size are not. */
  readonly fullSize: 'unknown' | 'passes' | 'lost'
  /** What ICMP said the way takes at most, bytes. */
  readonly toldMtu?: number
  /** Why this node could not even send the last probe: errno's name, or a message. */
  readonly refused?: string
}

/** Probes that the figures are made of. */
const REMEMBERED = 10
/** That many in a row are no accident. */
const LIMIT = 3
/**
 * Turns in a row of which only the probe with a checksum from here is answered. The other one may be lost by accident: where
 * three packets in ten are, six such turns come about every quarter of an hour with a hundred peers.
 */
const SPOILT_LIMIT = 12
/** Packets of full size go out every so many turns. */
const FULL_EVERY = 6
/** Least MTU of IPv4 and IPv6 (RFC 791, RFC 8200): who tells less is wrong. */
const LEAST_MTU = { 4: 68, 6: 1280 } as const

/**
 * What is known of one peer. It goes in turns: `turn` says what to send, answers come in, `judge` counts what has not
 * been answered as lost.
 */
export class PeerHealth {
  private readonly target: ProbeTarget
  /** Sent in this turn and not answered yet: when. */
  private readonly open = new Map<ProbePurpose, number>()
  /** Of the last small probes; undefined for a lost one. */
  private rttsMs: (number | undefined)[] = []
  private lastSeen: { readonly atMs: number; readonly wallMs: number } | undefined
  private lost = 0
  private publicLost = 0
  private publicAnswered = false
  private fullLost = 0
  private fullAnswered = false
  private turnsToFull = 0
  /** Turns in a row, this one too. */
  private onlySummed = 0
  private toldMtu: number | undefined
  private refused: string | undefined
  /** Kept until something changes: of thousands of peers few have news when somebody reads of all. */
  private lastReport: PeerReport | undefined

  constructor(target: ProbeTarget) {
    this.target = target
  }

  /** Begins a turn. */
  turn(nowMs: number): readonly ProbePurpose[] {
    this.lastReport = undefined
    const purposes: ProbePurpose[] = ['small']
    const { address, publicAddress, offloads = false } = this.target
    if (this.lost > 0) {
      if (publicAddress !== address) purposes.push('public')
      if (offloads) purposes.push('summed')
    } else if (this.turnsToFull <= 0) purposes.push('full')
    this.turnsToFull -= 1
    this.refused = undefined
    for (const purpose of purposes) this.open.set(purpose, nowMs)
    return purposes
  }

  answered(purpose: ProbePurpose, nowMs: number, wallMs: number): void {
    const sentMs = this.open.get(purpose)
    if (sentMs === undefined) return
    this.lastReport = undefined
    this.open.delete(purpose)
    if (purpose === 'public') {
      this.publicLost = 0
      this.publicAnswered = true
      return
    }
    if (purpose === 'summed') {
      this.onlySummed += 1
      return
    }
    this.lastSeen = { atMs: nowMs, wallMs }
    if (purpose === 'small') {
      this.remember(nowMs - sentMs)
      this.lost = 0
      this.publicLost = 0
      this.publicAnswered = false
    } else {
      this.fullLost = 0
      this.fullAnswered = true
      this.toldMtu = undefined
      this.turnsToFull = FULL_EVERY - 1
    }
  }

  /** A router says that a probe does not fit the way. @param mtu bytes; 0 if it does not say */
  tooBig(purpose: ProbePurpose, mtu: number): void {
    const { family, fullBytes } = this.target
    if (purpose !== 'full' || mtu < LEAST_MTU[family] || mtu >= fullBytes || !this.open.has('full')) return
    this.lastReport = undefined
    this.toldMtu = mtu
    this.fullLost = Math.max(this.fullLost, LIMIT - 1)
  }

  /** This node could not send. @param why errno's name, or a message */
  refuse(why: string): void {
    this.lastReport = undefined
    this.refused = why
  }

  /** Ends the turn. */
  judge(): void {
    this.lastReport = undefined
    const smallLost = this.open.has('small')
    if (smallLost) {
      this.lost += 1
      this.remember(undefined)
    } else if (this.open.has('full')) this.fullLost += 1
    if (this.open.has('public')) this.publicLost += 1
    if (!smallLost || this.open.has('summed')) this.onlySummed = 0
    this.open.clear()
  }

  /** Something was lost, and it is not clear yet whether that was an accident: the next turn should come soon. */
  get isSuspect(): boolean {
    if (this.onlySummed > 0 && !this.spoilsChecksums) return true
    return [this.lost, this.fullLost].some(count => count > 0 && count < LIMIT)
  }

  get spoilsChecksums(): boolean {
    return this.onlySummed >= SPOILT_LIMIT
  }

  get report(): PeerReport {
    this.lastReport ??= this.makeReport()
    return this.lastReport
  }

  private makeReport(): PeerReport {
    const { lastSeen, refused, toldMtu } = this
    const rtts = this.rttsMs.filter(rtt => rtt !== undefined)
    const lost = this.fullLost >= LIMIT
    return {
      state: this.lost >= LIMIT ? 'down' : lastSeen === undefined ? 'unknown' : 'up',
      ...this.publicAnswer(),
      ...(rtts.length === 0 ? {} : { rttMs: median(rtts) }),
      ...(this.rttsMs.length === 0
        ? {}
        : { lossRatio: (this.rttsMs.length - rtts.length) / this.rttsMs.length }),
      ...(lastSeen === undefined ? {} : { lastSeen }),
      ...(this.spoilsChecksums ? { spoilsChecksums: true } : {}),
      fullSize: lost ? 'lost' : this.fullAnswered ? 'passes' : 'unknown',
      ...(lost && toldMtu !== undefined ? { toldMtu } : {}),
      ...(refused === undefined ? {} : { refused }),
    }
  }

  private publicAnswer(): Pick<PeerReport, 'answersPublicly'> {
    if (this.lost < LIMIT) return {}
    if (this.publicAnswered && this.publicLost < LIMIT) return { answersPublicly: true }
    return this.publicLost >= LIMIT - 1 ? { answersPublicly: false } : {}
  }

  private remember(rttMs: number | undefined): void {
    this.rttsMs = [...this.rttsMs, rttMs].slice(-REMEMBERED)
  }
}
