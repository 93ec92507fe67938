export { TunnelClient } from './client.ts'
export {
  type DropReason,
  MAX_QUEUES,
  type TunnelConfiguration,
  type TunnelEndpoint,
  type TunnelPeer,
  type TunnelStatus,
  type TunnelTable,
} from './messages.ts'
export { startTunnelProcess, tunnelProgram } from './process.ts'
export { openTunnelQueues, type TunnelQueues } from './queues.ts'
