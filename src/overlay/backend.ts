import type { Family } from '../ip/index.ts'
import type { Entry } from '../kernel/index.ts'
import type { BackendType } from '../model/index.ts'
import type { OverlayEffect } from './effect.ts'
import type { OverlaySelf, OwnBlock, PeerFamily } from './node.ts'

/**
 * One way for nodes to reach each other's pods, with its settings in place. What is common to all (whose block is
 * whose, masquerading, who is kept out) is not asked of it.
 */
export interface Backend {
  readonly type: BackendType
  /** What annotations of flannel call it; default `type`. */
  readonly announcedAs?: string
  /** In words, for a type of which there may be several at a time; default its type. */
  readonly title?: string
  /** Whose pods it carries. */
  readonly families: readonly Family[]
  /** UDP ports at which nodes take packets of each other. */
  readonly tunnelPorts: readonly number[]
  /** Number of the IP protocol of what nodes send each other, if that is not UDP. */
  readonly tunnelProtocol?: number
  /** The one that peers send to, where flannel's annotations do not tell it. */
  readonly announcedPort?: number
  /** Its device leaves the checksums of inner packets to the network card. Default false. */
  readonly offloadsChecksums?: boolean
  /** Bytes; undefined derives it from the uplink. */
  readonly mtu: number | undefined
  /** Bytes that each packet of the family gets longer by on its way. */
  overhead(family: Family): number
  /** What the node's administrator should know of it, always. */
  readonly notices?: readonly string[]
  /** The node cannot tell of itself yet. Default false. */
  awaits?(self: OverlaySelf): boolean
  /** What peers must know of this node's end: JSON's value in the annotation `backend-data`; undefined leaves it empty. */
  published(self: OverlaySelf, family: Family): unknown
  /** What this node needs, whatever peers it has. */
  nodeEntries(self: OverlaySelf, blocks: readonly LocalBlock[]): readonly Entry[]
  /** What it needs besides; default nothing. */
  nodeEffects?(self: OverlaySelf, blocks: readonly LocalBlock[]): readonly OverlayEffect[]
  /**
   * What it takes to receive from a peer that already sends this way, while another way leads to it. It is part of
   * `peerEntries`; default nothing.
   */
  acceptFrom?(sides: readonly PeerSide[]): Needs
  /** What this node needs for one peer; all families at once, since some carry one within the other. */
  peerEntries(self: OverlaySelf, sides: readonly PeerSide[]): PeerOutcome
}

/** A block of this node that can be reached: its family has an address on the uplink. */
export interface LocalBlock extends OwnBlock {
  /** The address of the uplink. */
  readonly local: string
  /** Bytes, before encapsulation. */
  readonly mtu: number
}

/** One family of a peer beside ours. */
export interface PeerSide {
  readonly own: LocalBlock
  readonly peer: PeerFamily
}

export interface Needs {
  readonly entries: readonly Entry[]
  /** Default nothing. */
  readonly effects?: readonly OverlayEffect[]
}

export interface PeerOutcome extends Needs {
  /** What keeps a family out, in words: `its agent uses VNI 2, ...`. */
  readonly faults: readonly string[]
}

/** For backends whose families know nothing of each other. @param plan gives entries, or what keeps the side out */
export function eachSide(
  sides: readonly PeerSide[],
  plan: (side: PeerSide) => readonly Entry[] | string,
): PeerOutcome {
  const results = sides.map(plan)
  return {
    entries: results.flatMap(result => (typeof result === 'string' ? [] : result)),
    faults: results.filter(result => typeof result === 'string'),
  }
}
