import type { Registry } from 'prom-client'
import { type Entry, formatEntry } from '../kernel/index.ts'
import { withoutSecrets } from '../model/index.ts'
import type { AdminView } from './admin.ts'
import type { Agent } from './agent.ts'
import type { Attached } from './attachments/record.ts'
import { findingsOf } from './findings.ts'
import { firewallFindings } from './network/host-firewall.ts'
import { originName } from './origin-name.ts'
import { countPeers, peerPage } from './peers/peer-summary.ts'

/** What the admin socket tells of an agent. */
export function agentView(agent: Agent, nodeName: string, registry: Registry): AdminView {
  return {
    notReady: () => agent.notReady() ?? '',
    status: () => status(agent, nodeName),
    peers: () => Array.from(agent.peers?.ways() ?? [], peerPage),
    entries: () => [...agent.entries.entries()].map(([key, entry]) => entryPage(agent, key, entry)),
    attachments: () => [...agent.attached.entries()].map(([key, attached]) => attachmentPage(key, attached)),
    metrics: () => registry.metrics(),
  }
}

function status(agent: Agent, nodeName: string) {
  const { network, reconciler } = agent
  return {
    node: nodeName,
    pid: process.pid,
    ready: agent.notReady() === undefined,
    lacks: agent.notReady(),
    store: { synced: agent.synced, connected: agent.connected },
    podCidrs: network?.self.podCidrs ?? [],
    lease: leaseOf(agent),
    backend: network && withoutSecrets(network.config.spec.backend),
    uplink: network?.self.uplink,
    peers: Math.max(0, agent.nodes.size - 1),
    peerHealth: countPeers(agent.peers?.ways() ?? []),
    entries: agent.entries.size,
    attachments: agent.attached.size,
    kernel: { ...reconciler.counters },
    findings: [
      ...findingsOf(agent),
      // Whether it was followed is not known: no figure counts it.
      ...firewallFindings(reconciler.observed, network).map(({ object, text }) => ({ about: object, text })),
    ],
    history: reconciler.history(),
  }
}

/** For how long the node may surely use its blocks; seconds are null if nobody claimed them. */
function leaseOf({ leaseState: { state, remainingMs, text } }: Agent) {
  const confirmedAtMs = state.is === 'valid' ? state.confirmedAtMs : undefined
  return {
    text,
    remainingSeconds: remainingMs === Infinity ? null : Math.floor(remainingMs / 1_000),
    lastConfirmed: confirmedAtMs === undefined ? null : new Date(confirmedAtMs).toISOString(),
  }
}

function entryPage(agent: Agent, key: string, entry: Entry) {
  const because = agent.entries.origin(key).map(origin => originName(agent, origin))
  return { key, entry, command: formatEntry(entry), because: [...new Set(because)] }
}

function attachmentPage(key: string, { record, plan }: Attached) {
  const { containerId, ifName, network, pod } = record.wiring.spec
  return {
    key,
    type: record.type,
    containerId,
    ifName,
    network,
    pod,
    netnsCookie: record.netnsCookie,
    result: plan.result,
  }
}
