import { Counter, type Registry } from 'prom-client'
import type { Drops } from './tunnel-drops.ts'

/** What the process of backend udp drops, read when somebody asks; without a process there are no series. */
export function registerTunnelMetrics(registry: Registry, drops: () => Promise<Drops | undefined>): void {
  registry.registerMetric(
    new Counter({
      name: 'podlace_agent_tunnel_dropped_packets_total',
      help: 'Packets that the UDP tunnel dropped since its process started, by reason',
      labelNames: ['reason'],
      registers: [],
      async collect() {
        const totals = await drops()
        this.reset()
        for (const [reason, count] of totals ?? []) this.inc({ reason }, Number(count))
      },
    }),
  )
}
