import { isDeepStrictEqual } from 'node:util'
import type { Clock, Logger, Timer } from '../../base/index.ts'
import type { Change, Collection } from '../../derive/index.ts'
import { type BlockConfirmation, blockName, type PodBlock } from '../../model/index.ts'
import { isStoreError, type Store } from '../../store/index.ts'
import { Upkeep } from '../upkeep.ts'
import { type Hold, type LeaseMemory, readLease, writeLease } from './lease-record.ts'
import { type LeaseState, leaseState, type Rival } from './lease-state.ts'

export interface BlockLeaseOptions {
  readonly nodeName: string
  /** Of this life of the machine. */
  readonly bootId: string
  readonly store: Store
  /** As they are watched, which may be late. */
  readonly blocks: Collection<PodBlock>
  readonly memory: LeaseMemory
  /** What the network says now, undefined while it is not known; a confirmation carries it. */
  readonly cooldownSeconds: () => number | undefined
  /** `state` may be another one now. */
  readonly onChange: () => void
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
}

/** The part of the cooldown for which a confirmation counts; the rest is for slow clocks and for cutting oneself off. */
const USABLE = 0.8
/** For when to confirm while the network has not said its cooldown: the shortest there can be. */
const UNKNOWN_S = 30
/** Confirmations a cooldown. */
const FREQUENCY = 6

/**
 * The node's claim on its blocks, as far as it can be sure of it. A block passes on a cooldown after its release at the
 * earliest. Each confirmation is a write that the store refuses unless the claim is as it was read, so at the moment it
 * was sent the block was not released; from that moment on, not from when the answer came, it is ours for most of a
 * cooldown. What is watched proves nothing of the kind, as it may be old.
 */
export class BlockLease {
  private readonly options: BlockLeaseOptions
  private readonly instance: string
  private readonly holds: Map<string, Hold>
  private readonly rivals = new Map<string, Rival>()
  /** Blocks that nobody has claimed: there is no controller, and the Node's pod CIDR is all there is to go by. */
  private readonly unclaimed = new Set<string>()
  private readonly upkeep: Upkeep
  private wanted: readonly string[]
  private aloneFromMs: number
  private begun = false
  private stopped = false
  private next: Timer | undefined
  private end: Timer | undefined

  constructor(options: BlockLeaseOptions) {
    this.options = options
    const { nodeName, bootId, memory, clock, random, log } = options
    const record = readLease(memory, bootId)
    this.instance = record?.instance ?? newInstance(random)
    this.holds = new Map(record?.holds.map(hold => [hold.cidr, hold]))
    this.wanted = [...this.holds.keys()]
    this.aloneFromMs = record?.aloneFromMs ?? 0
    const name = `claim of Node ${nodeName} on its blocks`
    this.upkeep = new Upkeep({ name, step: () => this.confirmAll(), clock, random, log })
  }

  /** Computed from the clock whenever it is asked for: a timer may be late, as after a pause of the process. */
  get state(): LeaseState {
    const { nodeName, bootId, blocks, clock } = this.options
    const isUnclaimed = (cidr: string) =>
      this.unclaimed.has(cidr) && blocks.get(blockName(cidr)) === undefined
    const known = { nodeName, bootId, holds: this.holds, rivals: this.rivals, isUnclaimed }
    return leaseState(this.wanted, known, clock.nowMs())
  }

  /** The blocks that it is about; before the store was heard, those of the process before. */
  get cidrs(): readonly string[] {
    return this.wanted
  }

  /** Watches over what the process before left. */
  start(): void {
    this.awaitEnd()
  }

  stop(): void {
    this.stopped = true
    this.upkeep.stop()
    this.next?.cancel()
    this.end?.cancel()
  }

  /** These are the node's blocks now. */
  want(cidrs: readonly string[]): void {
    if (this.begun && isDeepStrictEqual(cidrs, this.wanted)) return
    this.begun = true
    this.wanted = cidrs
    for (const cidr of this.holds.keys()) if (!cidrs.includes(cidr)) this.holds.delete(cidr)
    this.upkeep.poke()
  }

  /** A block of this node changed: unless it was by ourselves, there may be something to confirm. */
  heard({ before, after }: Change<PodBlock>): void {
    const sameClaim =
      before?.metadata.uid === after?.metadata.uid && isDeepStrictEqual(before?.spec, after?.spec)
    if (!sameClaim || (after !== undefined && !this.speaksFor(after))) this.upkeep.poke()
  }

  /**
   * Ends our use of a released block, before the store is told that no pod uses it: the block may pass on from then on,
   * whether or not we hear of it.
   */
  giveUp({ spec: { cidr }, metadata: { uid } }: PodBlock): void {
    this.unclaimed.delete(cidr)
    this.put({ cidr, uid, renewals: this.ourCount(cidr, uid), untilMs: 0, confirmedAtMs: 0 })
    this.options.onChange()
  }

  /** False if another life of this node's agent confirmed the claim last: its pods are not ours to count. */
  speaksFor({ status: { lease } }: PodBlock): boolean {
    return lease === undefined || this.isOurs(lease)
  }

  /**
   * False while another life of this node's agent may still serve pods by a claim that we took over from it. It may not
   * have heard of that, and a second machine with our name is not to be told from the one before a power cut.
   */
  get isAlone(): boolean {
    return this.options.clock.nowMs() >= this.aloneFromMs
  }

  private async confirmAll(): Promise<void> {
    const { clock, random, cooldownSeconds, onChange } = this.options
    try {
      for (const cidr of this.wanted) await this.confirm(cidr)
    } finally {
      if (!this.stopped) onChange()
    }
    if (this.stopped) return
    const delayMs = ((cooldownSeconds() ?? UNKNOWN_S) * 1_000 * (0.9 + 0.2 * random())) / FREQUENCY
    this.next?.cancel()
    this.next = clock.after(delayMs, () => this.upkeep.poke())
  }

  private async confirm(cidr: string): Promise<void> {
    const block = await this.find(cidr)
    if (block === undefined) {
      if (!this.holds.has(cidr)) this.unclaimed.add(cidr)
      return
    }
    this.unclaimed.delete(cidr)
    const { nodeName, releasedAt } = block.spec
    if (nodeName !== this.options.nodeName || releasedAt !== undefined) return
    if (!this.yields(cidr, block)) await this.renew(cidr, block)
  }

  /**
   * True if another life of this node's agent confirmed the claim after us: a second machine has our name, and the later
   * one goes on. Ours comes back when the other has been silent for so long that its lease is over too.
   */
  private yields(cidr: string, { metadata, status: { lease } }: PodBlock): boolean {
    const { clock, log } = this.options
    const hold = this.holds.get(cidr)
    if (lease === undefined || this.isOurs(lease)) return false
    // A lower count is of a store that was restored from a backup.
    if (hold?.uid !== metadata.uid || lease.renewals <= hold.renewals) return false
    const seen = this.rivals.get(cidr)
    if (seen === undefined || !isDeepStrictEqual(seen.lease, lease)) {
      this.rivals.set(cidr, { lease, sinceMs: clock.nowMs() })
    } else if (clock.nowMs() - seen.sinceMs >= lease.seconds * 1_000) return false
    if (seen === undefined) log.warn('another agent answers for this node', { ...lease })
    if (hold.untilMs > 0) this.put({ ...hold, untilMs: 0 })
    return true
  }

  private async renew(cidr: string, { metadata, status }: PodBlock): Promise<void> {
    const { store, clock, bootId } = this.options
    const { name, uid, resourceVersion } = metadata
    const hold = this.holds.get(cidr)
    const { lease: last } = status
    const seconds = this.secondsAfter(last)
    if (seconds === undefined) return
    if (last !== undefined && !this.isOurs(last)) this.takeOver(last)
    const untilMs = clock.nowMs() + seconds * 1_000 * USABLE
    // The figure may have become shorter, and the answer to this write may be lost.
    if (hold !== undefined && untilMs < hold.untilMs) this.put({ ...hold, untilMs })
    const renewals = 1 + Math.max(last?.renewals ?? 0, this.ourCount(cidr, uid))
    const lease: BlockConfirmation = { instance: this.instance, bootId, renewals, seconds }
    const asked = this.holds.get(cidr)
    await store.patchStatus('PodBlock', name, { status: { lease } }, { uid, resourceVersion })
    // Given up meanwhile: what was true when we asked is not any more. And the record is the next process's by now.
    if (this.holds.get(cidr) !== asked || this.stopped) return
    this.rivals.delete(cidr)
    this.put({ cidr, uid, renewals, untilMs, confirmedAtMs: clock.wallMs() })
  }

  /** To be called before the store is asked: the answer may be lost, and the claim is ours all the same. */
  private takeOver({ seconds }: BlockConfirmation): void {
    this.aloneFromMs = Math.max(this.aloneFromMs, this.options.clock.nowMs() + seconds * 1_000)
    this.record()
  }

  /**
   * The figure to confirm for. One that has not been heard yet is not made up, as it would bind the controller: the last
   * one goes on. And while another life may rely on its own, longer one, the block must not pass on any earlier.
   */
  private secondsAfter(last: BlockConfirmation | undefined): number | undefined {
    const heard = this.options.cooldownSeconds()
    if (last === undefined || heard === undefined) return heard ?? last?.seconds
    return this.isOurs(last) && this.isAlone ? heard : Math.max(heard, last.seconds)
  }

  /** How often this object had been confirmed when it was by us the last time. */
  private ourCount(cidr: string, uid: string): number {
    const hold = this.holds.get(cidr)
    return hold?.uid === uid ? hold.renewals : 0
  }

  private isOurs({ instance, bootId }: BlockConfirmation): boolean {
    return instance === this.instance && bootId === this.options.bootId
  }

  private async find(cidr: string): Promise<PodBlock | undefined> {
    try {
      return await this.options.store.get('PodBlock', blockName(cidr))
    } catch (error) {
      if (isStoreError(error, 'store.not-found')) return undefined
      throw error
    }
  }

  /** Throws if it cannot be kept for the next process: a later limit may then be lost, an earlier one must not be. */
  private put(hold: Hold): void {
    if (!this.wanted.includes(hold.cidr)) return
    this.holds.set(hold.cidr, hold)
    this.awaitEnd()
    this.record()
  }

  private record(): void {
    const { memory, bootId } = this.options
    const { instance, aloneFromMs, holds } = this
    writeLease(memory, { bootId, instance, aloneFromMs, holds: [...holds.values()] })
  }

  private awaitEnd(): void {
    const { clock, onChange } = this.options
    this.end?.cancel()
    const delayMs = this.state.untilMs - clock.nowMs()
    if (delayMs <= 0 || delayMs === Infinity) return
    this.end = clock.after(delayMs, () => {
      // Timers may be a little early.
      this.awaitEnd()
      onChange()
    })
  }
}

/** Tells this life of the agent from all others. */
function newInstance(random: () => number): string {
  const part = () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  return part() + part()
}
