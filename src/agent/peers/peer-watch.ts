import type { Clock } from '../../base/index.ts'
import type { Collection } from '../../derive/index.ts'
import type { OverlayFinding, PeerEnd } from '../../overlay/index.ts'
import { PeerProber, type PeerProberOptions, type PeerReport } from '../../probe/index.ts'
import { peerFault } from './peer-words.ts'

/** How an agent asks its peers. */
export type ProbeWorld = Pick<PeerProberOptions, 'open' | 'pace'>

export interface PeerWatchOptions {
  readonly ends: Collection<PeerEnd>
  readonly world: ProbeWorld
  /** Told, as long as it holds, that packets arrive with wrong checksums from this device. */
  readonly onSpoiltChecksums: (device: string) => void
  readonly clock: Clock
  readonly random: () => number
}

/** One way to a peer, and how it does. */
export interface PeerWay {
  readonly end: PeerEnd
  readonly report: PeerReport
}

/** Findings beyond these are counted only: if the fault is ours, all peers have it. */
const MOST_FINDINGS = 50

/**
 * Asks the peers that the plans know whether they can be reached. What it finds changes words and figures, and who computes
 * checksums.
 */
export class PeerWatch {
  private readonly ends: Collection<PeerEnd>
  private readonly prober: PeerProber
  private readonly unsubscribe: () => void

  constructor({ ends, world, onSpoiltChecksums, clock, random }: PeerWatchOptions) {
    this.ends = ends
    this.prober = new PeerProber({
      ...world,
      onSpoiltChecksums: key => {
        const end = ends.get(key)
        if (end !== undefined) onSpoiltChecksums(end.device)
      },
      clock,
      random,
    })
    for (const [key, end] of ends.entries()) this.watch(key, end)
    this.unsubscribe = ends.subscribe(changes => {
      for (const { key, after } of changes) this.watch(key, after)
    })
  }

  stop(): void {
    this.unsubscribe()
    this.prober.close()
  }

  *ways(): Iterable<PeerWay> {
    for (const [key, end] of this.ends.entries()) {
      const report = this.prober.report(key)
      if (report !== undefined) yield { end, report }
    }
  }

  findings(): readonly OverlayFinding[] {
    const all: OverlayFinding[] = []
    for (const { end, report } of this.ways()) {
      const text = peerFault(end, report)
      if (text !== undefined) all.push({ object: `Node ${end.nodeName}`, text })
    }
    if (all.length <= MOST_FINDINGS) return all
    const more = {
      object: 'peers',
      text: `${all.length - MOST_FINDINGS} more cannot be reached as they should`,
    }
    return [...all.slice(0, MOST_FINDINGS), more]
  }

  private watch(key: string, end: PeerEnd | undefined): void {
    if (end === undefined) return this.prober.delete(key)
    const { family, address, publicAddress, podMtu, offloadsChecksums } = end
    this.prober.set(key, {
      family,
      address,
      publicAddress,
      fullBytes: podMtu,
      offloads: offloadsChecksums,
    })
  }
}
