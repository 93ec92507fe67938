export {
  type AddressOverwrite,
  ANNOTATION_PREFIX,
  annotationsFor,
  overwriteFromNode,
  type PeerReading,
  peerFromNode,
} from './annotations.ts'
export { tunnelPorts, tunnelProtocol } from './backends.ts'
export { ownBlocks } from './blocks.ts'
export { type Claim, claimsOf } from './claims.ts'
export type {
  Command,
  OverlayEffect,
  StartupEffect,
  SubnetEffect,
  TunnelEffect,
  TunnelPeerEffect,
} from './effect.ts'
export type { OverlayErrorPayload } from './errors.ts'
export {
  annotationsFromLease,
  formatLeaseKey,
  leaseFromAnnotations,
  parseLeaseKey,
} from './etcd-lease.ts'
export type { OverlayFinding } from './finding.ts'
export { MASQUERADE_TABLE } from './masquerade.ts'
export { type EtcdNetConf, type NetConfOptions, parseEtcdNetConf, parseNetConf } from './net-conf.ts'
export type { BlockRange } from './net-conf-ranges.ts'
export type { OverlayPeer, OverlaySelf, PeerData, PeerFamily, Uplink } from './node.ts'
export type { PeerEnd } from './peer-end.ts'
export { type OverlayPlan, overlayMtu, planAnnounced, planNode, planPeer } from './plan.ts'
export { parseSubnetEnv, renderSubnetEnv, type SubnetEnv, subnetEnvFor } from './subnet-env.ts'
