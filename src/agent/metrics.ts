import { Counter, Gauge, Registry } from 'prom-client'
import type { Agent } from './agent.ts'
import { findingsOf } from './findings.ts'
import { registerTunnelMetrics } from './network/tunnel-metrics.ts'
import { registerPeerMetrics } from './peers/peer-metrics.ts'
import { registerProcessMetrics } from './process-metrics.ts'

/** Every series of the agent, read from it when somebody asks. */
export function agentMetrics(agent: Agent): Registry {
  const registry = new Registry()
  registerProcessMetrics(registry)
  const gauge = (name: string, help: string, read: () => number) => {
    const series = new Gauge({
      name: `podlace_agent_${name}`,
      help,
      registers: [],
      collect() {
        this.set(read())
      },
    })
    registry.registerMetric(series)
  }
  const counter = (name: string, help: string, read: () => number) => {
    const series = new Counter({
      name: `podlace_agent_${name}`,
      help,
      registers: [],
      collect() {
        this.reset()
        this.inc(read())
      },
    })
    registry.registerMetric(series)
  }
  const counters = agent.reconciler.counters
  gauge('ready_info', '1 if pods can be attached', () => (agent.notReady() === undefined ? 1 : 0))
  gauge('store_connected_info', '1 if the last list or watch of every kind has not failed', () =>
    agent.connected ? 1 : 0,
  )
  gauge(
    'lease_remaining_seconds',
    'For how long the claim on the pod CIDRs surely holds; 0: the node is cut off or not confirmed, +Inf: no claims',
    () => agent.leaseState.remainingMs / 1_000,
  )
  gauge('attachments_count', 'Interfaces of pods on this node', () => agent.attached.size)
  gauge('peers_count', 'Node objects besides the own one', () => Math.max(0, agent.nodes.size - 1))
  gauge(
    'software_checksums_count',
    'Devices that leave no checksums to the network card, since it has spoilt them',
    () => agent.softwareChecksums.devices.length,
  )
  gauge('entries_count', 'Entries wanted of the kernel', () => agent.entries.size)
  gauge('findings_count', 'What cannot be honoured, in words on /status', () => findingsOf(agent).length)
  counter('kernel_operations_total', 'Operations the kernel carried out', () => counters.operations)
  counter('kernel_repairs_total', 'Operations that undid what another program did', () => counters.repairs)
  counter('kernel_refused_total', 'Operations the kernel refused', () => counters.refused)
  counter('kernel_resyncs_total', 'Dumps of everything because events were lost', () => counters.resyncs)
  registerPeerMetrics(registry, () => agent.peers?.ways() ?? [])
  registerTunnelMetrics(registry, async () => agent.tunnelDrops?.totals())
  return registry
}
