import { Backoff, type Clock, errorText, hasCode, type Logger, sleep } from '../base/index.ts'
import { type Acquired, extend, type Failure, regain } from './acquire.ts'
import { Conversation, toServer } from './conversation.ts'
import { release } from './messages.ts'
import { type LeaseRecord, recordKey } from './record.ts'
import type { Found, Site } from './site.ts'

/** What every client of the daemon needs. */
export interface ClientWorld {
  readonly site: Site
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
  /** How long an answer is waited for, and the longest pause between two sendings. */
  readonly timeoutMs: number
  readonly resendMaxMs: number
}

export interface KeeperEvents {
  /** The record is another one now. */
  onRecord(record: LeaseRecord): void
  /** There is nobody to keep the lease for. */
  onGone(why: string): void
}

/** Of RFC 2131, section 4.4.5: a server that does not answer is left alone for that long, unless the end is near. */
const REST_MS = 60_000
/** Timers of the platform hold 24 days; leases may be longer. */
const LONGEST_SLEEP_MS = 24 * 3_600_000
/** A server that took a lease away, or is not there, is asked again and again, but ever more rarely. */
const LOST_PAUSE_MS = 10_000

/**
 * Keeps one lease until it is stopped: renews it, and goes on trying when it is lost. What the interface bears is not
 * changed, since the pod was promised its address: a lease that does not hold is told, not acted upon.
 *
 * The namespace is opened for each round anew, and only while one lasts.
 */
export class LeaseKeeper {
  private current: LeaseRecord
  private readonly world: ClientWorld
  private readonly events: KeeperEvents
  private readonly stopping = new AbortController()
  private readonly lostPause: Backoff
  private running: Promise<void> = Promise.resolve()

  constructor(record: LeaseRecord, world: ClientWorld, events: KeeperEvents) {
    this.current = record
    this.world = world
    this.events = events
    const { random, resendMaxMs } = world
    this.lostPause = new Backoff({
      firstMs: LOST_PAUSE_MS,
      maxMs: Math.max(LOST_PAUSE_MS, resendMaxMs),
      random,
    })
  }

  get record(): LeaseRecord {
    return this.current
  }

  /** Once. @param restored nobody knows whether the interface is still there */
  start({ restored }: { readonly restored: boolean }): void {
    this.running = restored ? this.resume() : this.run()
  }

  /** Resolves when nothing is under way any more. The server is told nothing. */
  stop(): Promise<void> {
    this.stopping.abort()
    return this.running
  }

  /** Gives the lease back, if it can be said: to be called when stopped. */
  async release(): Promise<void> {
    const { client, lease, place } = this.current
    if (this.state() === 'lost') return
    try {
      const found = await this.world.site.comeBack(place)
      this.converse(found).tell(release(client, lease), toServer(lease))
      found.wire.close()
    } catch (error) {
      // It ends by itself.
      this.log('debug', 'a lease could not be given back', { error: errorText(error) })
    }
  }

  private async resume(): Promise<void> {
    const found = await this.comeBack()
    if (found === 'gone') return
    if ('wire' in found) found.wire.close()
    await this.run()
  }

  private async run(): Promise<void> {
    const { clock } = this.world
    const { signal } = this.stopping
    let dueMs: number | undefined = this.state() === 'lost' ? clock.nowMs() : this.current.lease.renewMs
    while (dueMs !== undefined) {
      await sleep(clock, Math.min(LONGEST_SLEEP_MS, Math.max(0, dueMs - clock.nowMs())), signal)
      if (signal.aborted) return
      if (clock.nowMs() >= dueMs) dueMs = await this.round()
    }
  }

  private state(): 'renewing' | 'rebinding' | 'lost' {
    const { fault, lease } = this.current
    const nowMs = this.world.clock.nowMs()
    if (fault !== undefined || nowMs >= lease.endMs) return 'lost'
    return nowMs < lease.rebindMs ? 'renewing' : 'rebinding'
  }

  /** When the next one is due; undefined if there is to be none. */
  private async round(): Promise<number | undefined> {
    const found = await this.comeBack()
    if (found === 'gone') return undefined
    if ('why' in found) return this.learnNothing(found)
    try {
      const conversation = this.converse(found)
      const outcome = await this.ask(conversation)
      return this.stopping.signal.aborted ? undefined : this.learn(outcome, conversation.mishaps)
    } finally {
      found.wire.close()
    }
  }

  private async comeBack(): Promise<Found | Failure | 'gone'> {
    try {
      return await this.world.site.comeBack(this.current.place)
    } catch (error) {
      if (!hasCode(error, 'dhcp.gone')) {
        this.log('error', 'a lease cannot be looked after', { error: errorText(error) })
        return { why: `it cannot be looked after: ${errorText(error)}`, silent: true }
      }
      this.events.onGone(errorText(error))
      return 'gone'
    }
  }

  private ask(conversation: Conversation): Promise<Acquired | Failure | undefined> {
    const { client, lease } = this.current
    const state = this.state()
    if (state === 'lost') return regain(conversation, client, this.world, lease)
    const untilMs = Math.min(this.world.clock.nowMs() + this.world.timeoutMs, this.endOfState())
    return extend(conversation, client, this.world, lease, { state, untilMs })
  }

  /** When a renewal that nobody answers becomes another thing. */
  private endOfState(): number {
    const { rebindMs, endMs } = this.current.lease
    return this.world.clock.nowMs() < rebindMs ? rebindMs : endMs
  }

  private learn(outcome: Acquired | Failure | undefined, mishaps: string): number {
    const nowMs = this.world.clock.nowMs()
    if (outcome !== undefined && 'lease' in outcome) return this.hold(outcome)
    const { fault, lease } = this.current
    if (outcome === undefined && nowMs < lease.endMs) {
      this.log('info', 'no DHCP server answered; a lease is not renewed yet', { mishaps })
      const endMs = this.endOfState()
      return Math.min(endMs, nowMs + Math.max(REST_MS, (endMs - nowMs) / 2))
    }
    const why = outcome?.why ?? 'no DHCP server answered'
    if (why !== fault) this.lose(why, mishaps)
    return nowMs + this.lostPause.nextMs()
  }

  /** Nobody could be asked. */
  private learnNothing({ why }: Failure): number {
    if (this.state() === 'lost' && this.current.fault !== why) this.lose(why, '')
    return this.world.clock.nowMs() + LOST_PAUSE_MS
  }

  private hold({ lease }: Acquired): number {
    const { fault, ...rest } = this.current
    this.lostPause.reset()
    this.change({ ...rest, lease })
    if (fault === undefined) this.log('debug', 'a lease is renewed')
    else this.log('info', 'a lease that was lost holds again')
    return lease.renewMs
  }

  private lose(fault: string, mishaps: string): void {
    this.change({ ...this.current, fault })
    this.log(
      'warn',
      'a lease is lost; the pod keeps its address, which may be given to others, until one can be had',
      {
        error: fault + mishaps,
      },
    )
  }

  private change(record: LeaseRecord): void {
    this.current = record
    this.events.onRecord(record)
  }

  private converse({ wire, mac }: Found): Conversation {
    const { clock, random, resendMaxMs } = this.world
    return new Conversation({ wire, mac, clock, random, resendMaxMs, signal: this.stopping.signal })
  }

  private log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields = {}): void {
    const { address, server } = this.current.lease
    this.world.log[level](message, { lease: recordKey(this.current), address, server, ...fields })
  }
}
