export { TunnelClient } from './client.ts'
export type { TunnelError, TunnelErrorPayload } from './errors.ts'
export {
  DROP_REASONS,
  type DropReason,
  MAX_PEERS,
  MAX_PREFIXES,
  MAX_QUEUES,
  type PeerCounters,
  type TunnelConfiguration,
  type TunnelEndpoint,
  type TunnelPeer,
  type TunnelQueue,
  type TunnelStatus,
  type TunnelTable,
} from './messages.ts'
export { startTunnelProcess, type TunnelProcessOptions, tunnelProgram } from './process.ts'
export { openTunnelQueues, type QueueOptions, type TunnelQueues } from './queues.ts'
