import { Gauge, type Registry } from 'prom-client'
import { countPeers, type PeerSummary, summarizePeers } from './peer-summary.ts'
import type { PeerWay } from './peer-watch.ts'

/** With more peers than these there are only counts: series of every node about every other are their square. */
const MOST_LABELLED = 500

/** How peers can be reached, read when somebody asks; what is not known has no series. */
export function registerPeerMetrics(registry: Registry, ways: () => Iterable<PeerWay>): void {
  const labelled = (name: string, help: string, read: (peer: PeerSummary) => number | undefined) => {
    const series = new Gauge({
      name: `podlace_agent_peer_${name}`,
      help: `${help}; not with more than ${MOST_LABELLED} peers`,
      labelNames: ['node'],
      registers: [],
      collect() {
        // Peers that left must not stay.
        this.reset()
        const peers = summarizePeers(ways(), MOST_LABELLED + 1)
        if (peers.length > MOST_LABELLED) return
        for (const peer of peers) {
          const value = read(peer)
          if (value !== undefined) this.set({ node: peer.node }, value)
        }
      },
    })
    registry.registerMetric(series)
  }
  labelled(
    'up',
    '1 if the peer answers, 0 if not',
    ({ state }) => ({ up: 1, down: 0, unknown: undefined })[state],
  )
  labelled('rtt_seconds', 'Median of the last 10 round trips', ({ rttSeconds }) => rttSeconds)
  labelled('loss_ratio', 'Part of the last 10 probes that was not answered', ({ lossRatio }) => lossRatio)
  labelled(
    'path_mtu_bytes',
    "Packets that reach the peer: the pods' MTU, or less if a router said so",
    ({ pathMtuBytes }) => pathMtuBytes,
  )
  registry.registerMetric(
    new Gauge({
      name: 'podlace_agent_peers_state_count',
      help: 'Peers by what is known of them',
      labelNames: ['state'],
      registers: [],
      collect() {
        const counts = countPeers(ways())
        for (const [state, count] of Object.entries(counts)) this.set({ state }, count)
      },
    }),
  )
}
