import type { BlockConfirmation } from '../../model/index.ts'
import type { Hold } from './lease-record.ts'

/** Another life of this node's agent that confirmed after us. */
export interface Rival {
  readonly lease: BlockConfirmation
  /** Since when it has not confirmed again, as far as we saw: monotonic, milliseconds. */
  readonly sinceMs: number
}

/** What is known of the claims on this node's blocks. */
export interface KnownClaims {
  readonly nodeName: string
  readonly bootId: string
  /** By cidr. */
  readonly holds: ReadonlyMap<string, Hold>
  readonly rivals: ReadonlyMap<string, Rival>
  readonly isUnclaimed: (cidr: string) => boolean
}

/** May this node use its blocks? `untilMs` is monotonic; `why` is in words. */
export type LeaseState =
  /** Infinity: nobody claimed the blocks, so nobody takes them away. */
  | { readonly is: 'valid'; readonly untilMs: number; readonly confirmedAtMs?: number }
  /** Never confirmed by this process or the one before: what is there may stay, nothing new is begun. */
  | { readonly is: 'unconfirmed'; readonly untilMs: 0; readonly why: string }
  /** The block may be another node's by now: the node must be cut off. */
  | { readonly is: 'over'; readonly untilMs: 0; readonly why: string }

/** The worst of the blocks counts: they are of one network. */
export function leaseState(cidrs: readonly string[], known: KnownClaims, nowMs: number): LeaseState {
  const held = cidrs.flatMap(cidr => known.holds.get(cidr) ?? [])
  const over = held.find(({ untilMs }) => nowMs >= untilMs)
  if (over !== undefined) return { is: 'over', untilMs: 0, why: whyOver(over, known) }
  const unconfirmed = cidrs.find(cidr => !known.holds.has(cidr) && !known.isUnclaimed(cidr))
  if (unconfirmed !== undefined) {
    const why = `the claim of Node ${known.nodeName} on the block ${unconfirmed} has not been confirmed yet`
    return { is: 'unconfirmed', untilMs: 0, why }
  }
  const [first] = held.toSorted((a, b) => a.untilMs - b.untilMs)
  if (first === undefined) return { is: 'valid', untilMs: Infinity }
  return { is: 'valid', untilMs: first.untilMs, confirmedAtMs: first.confirmedAtMs }
}

/** `valid for 2,790 s, last confirmed at 2026-01-01T00:00:00.000Z`. */
export function leaseInWords(state: LeaseState, nowMs: number): string {
  if (state.is !== 'valid') return state.why
  if (state.confirmedAtMs === undefined)
    return 'no claim on a block of this node is known: nothing can pass on'
  const seconds = Math.floor((state.untilMs - nowMs) / 1_000)
  return `valid for ${seconds} s, last confirmed at ${timeText(state.confirmedAtMs)}`
}

function whyOver({ cidr, untilMs, confirmedAtMs }: Hold, known: KnownClaims): string {
  const { nodeName, bootId, rivals } = known
  const rival = rivals.get(cidr)?.lease
  if (rival !== undefined) {
    // Where the store keeps no boot id, it tells ours.
    const where =
      rival.bootId === bootId
        ? ''
        : `, on a machine with boot id ${rival.bootId}; this machine's is ${bootId}`
    return `another agent answers for Node ${nodeName}${where}. This one is cut off until the other has been silent for ${rival.seconds} s: stop one of the two, or give it another node name`
  }
  if (untilMs === 0)
    return `the block ${cidr} was given up: Node ${nodeName} was gone, and no pod was left here`
  return `the claim on the block ${cidr} was confirmed last at ${timeText(confirmedAtMs)}, which is too long ago: the block may be another node's by now. This node is cut off until the object store confirms the claim`
}

function timeText(wallMs: number): string {
  return new Date(wallMs).toISOString()
}
