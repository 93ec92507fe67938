export {
  type AddressOverwrite,
  ANNOTATION_PREFIX,
  annotationsFor,
  overwriteFromNode,
  type PeerReading,
  peerFromNode,
} from './annotations.ts'
export { type Claim, claimsOf } from './claims.ts'
export type { OverlayErrorPayload } from './errors.ts'
export type { OverlayFinding } from './finding.ts'
export { MASQUERADE_TABLE } from './masquerade.ts'
export type { OverlayPeer, OverlaySelf, PeerFamily, Uplink } from './node.ts'
export { type OverlayPlan, overlayMtu, ownBlocks, planNode, planPeer } from './plan.ts'
export { tunnelPorts } from './settings.ts'
export { parseSubnetEnv, renderSubnetEnv, type SubnetEnv, subnetEnvFor } from './subnet-env.ts'
export { vxlanDeviceName } from './vxlan.ts'
