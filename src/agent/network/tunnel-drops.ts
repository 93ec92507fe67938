import type { Clock, Timer } from '../../base/index.ts'
import type { OverlayFinding } from '../../overlay/index.ts'
import type { DropReason } from '../../tunnel/index.ts'
import type { TunnelControl } from './tunnel-world.ts'

/** Packets by why they were dropped. */
export type Drops = ReadonlyMap<DropReason, bigint>

/** From one look to the next. */
const INTERVAL_MS = 30_000

/**
 * What a sound network sends for a moment at most, in words. The other reasons are answered by ICMP, come of load, or are
 * given by programs of this node as well, such as one that sends multicast through the device: they are figures, and no
 * findings.
 */
const SUSPICIOUS: ReadonlyMap<DropReason, string> = new Map([
  [
    'truncated',
    'that are shorter than their headers say: something on the way cuts them, or somebody forges',
  ],
  ['bad-checksum', 'whose IP header was changed on the way'],
  [
    'unknown-peer',
    'from an address and port of no node that is known: it is so new or just gone, somebody forges, or a NAT is between',
  ],
  [
    'spoofed-source',
    'of a node that bear the source of pods of another: somebody forges, or two nodes disagree about a block',
  ],
  ['not-ours', 'to pods that are not on this node: a peer does not know yet who has which block'],
  ['loop', "to the address of a peer itself: its public address lies in the pods' network"],
])

/** Looks from time to time at what the tunnel process drops, so that it is known what it drops lately. */
export class TunnelDrops {
  private readonly clock: Clock
  private control: Pick<TunnelControl, 'status'> | undefined
  private timer: Timer | undefined
  private before: Drops | undefined
  private lately: Drops = new Map()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** From now on it is this process. What it has dropped before is no news. */
  follow(control: Pick<TunnelControl, 'status'>): void {
    this.stop()
    this.control = control
    void this.look()
  }

  stop(): void {
    this.timer?.cancel()
    this.control = undefined
    this.before = undefined
    this.lately = new Map()
  }

  /** Since the process started; undefined if there is none to ask. */
  async totals(): Promise<Drops | undefined> {
    try {
      return (await this.control?.status())?.drops
    } catch {
      // The connection has ended: whoever keeps it makes another.
      return undefined
    }
  }

  findings(): readonly OverlayFinding[] {
    return Array.from(SUSPICIOUS).flatMap(([reason, words]) => {
      const count = this.lately.get(reason) ?? 0n
      if (count === 0n) return []
      const text = `it drops packets ${words} (${reason}: ${count} in the last ${INTERVAL_MS / 1_000} s)`
      return [{ object: 'the UDP tunnel', text }]
    })
  }

  private async look(): Promise<void> {
    const { control, before } = this
    const now = await this.totals()
    if (this.control !== control) return
    this.lately = before === undefined || now === undefined ? new Map() : increase(before, now)
    this.before = now
    this.timer = this.clock.after(INTERVAL_MS, () => void this.look())
  }
}

function increase(before: Drops, now: Drops): Drops {
  return new Map(Array.from(now, ([reason, count]) => [reason, count - (before.get(reason) ?? 0n)]))
}
