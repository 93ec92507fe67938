import type { PeerWay } from './peer-watch.ts'
import { peerFault } from './peer-words.ts'

/** How a peer does, all of its ways together: as bad as the worst of them. */
export interface PeerSummary {
  readonly node: string
  readonly state: 'unknown' | 'up' | 'down'
  readonly rttSeconds?: number
  /** 0 to 1. */
  readonly lossRatio?: number
  /** What is known to get there: all that pods send, or what ICMP told. Bytes. */
  readonly pathMtuBytes?: number
}

/** By node; of not more than `most` of them. */
export function summarizePeers(ways: Iterable<PeerWay>, most = Infinity): readonly PeerSummary[] {
  const peers = new Map<string, PeerSummary>()
  for (const way of ways) {
    if (peers.size === most && !peers.has(way.end.nodeName)) break
    const summary = summarize(way)
    const other = peers.get(summary.node)
    peers.set(summary.node, other === undefined ? summary : worse(other, summary))
  }
  return [...peers.values()]
}

export type PeerCounts = Readonly<Record<PeerSummary['state'], number>>

/** Nodes by what is known of them. */
export function countPeers(ways: Iterable<PeerWay>): PeerCounts {
  const states = new Map<string, PeerSummary['state']>()
  for (const { end, report } of ways) {
    const other = states.get(end.nodeName) ?? 'up'
    states.set(end.nodeName, worseState(other, report.state))
  }
  const counts = { unknown: 0, up: 0, down: 0 }
  for (const state of states.values()) counts[state] += 1
  return counts
}

/** One way as the page `/peers` shows it. */
export function peerPage({ end, report }: PeerWay) {
  const { rttMs, lossRatio, lastSeen } = report
  return {
    node: end.nodeName,
    family: end.family,
    address: end.address,
    publicAddress: end.publicAddress,
    device: end.device,
    state: report.state,
    rttMs: rttMs === undefined ? null : Number(rttMs.toFixed(3)),
    lossRatio: lossRatio ?? null,
    lastSeen: lastSeen === undefined ? null : new Date(lastSeen.wallMs).toISOString(),
    pathMtu: pathMtu({ end, report }) ?? null,
    fault: peerFault(end, report) ?? null,
  }
}

function summarize(way: PeerWay): PeerSummary {
  const { rttMs, lossRatio, state } = way.report
  const mtu = pathMtu(way)
  return {
    node: way.end.nodeName,
    state,
    ...(rttMs === undefined ? {} : { rttSeconds: rttMs / 1_000 }),
    ...(lossRatio === undefined ? {} : { lossRatio }),
    ...(mtu === undefined ? {} : { pathMtuBytes: mtu }),
  }
}

const BADNESS = { up: 0, unknown: 1, down: 2 } as const

function worseState(a: PeerSummary['state'], b: PeerSummary['state']): PeerSummary['state'] {
  return BADNESS[a] >= BADNESS[b] ? a : b
}

function worse(a: PeerSummary, b: PeerSummary): PeerSummary {
  const rttSeconds = Math.max(a.rttSeconds ?? 0, b.rttSeconds ?? 0)
  const lossRatio = Math.max(a.lossRatio ?? 0, b.lossRatio ?? 0)
  const pathMtuBytes = Math.min(a.pathMtuBytes ?? Infinity, b.pathMtuBytes ?? Infinity)
  return {
    node: a.node,
    state: worseState(a.state, b.state),
    ...(rttSeconds > 0 ? { rttSeconds } : {}),
    ...(a.lossRatio === undefined && b.lossRatio === undefined ? {} : { lossRatio }),
    ...(Number.isFinite(pathMtuBytes) ? { pathMtuBytes } : {}),
  }
}

function pathMtu({ end, report }: PeerWay): number | undefined {
  return report.fullSize === 'passes' ? end.podMtu : report.toldMtu
}
