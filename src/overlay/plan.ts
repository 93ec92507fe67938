import { covers, type Family, formatPrefix, overlaps, parsePrefix, tryParsePrefix } from '../ip/index.ts'
import { type Entry, entryKey } from '../kernel/index.ts'
import type { NetworkConfig } from '../model/index.ts'
import { betterClaim, type Claim, claimsOf } from './claims.ts'
import { nodeFinding, type OverlayFinding, quote } from './finding.ts'
import { hostGatewayPeer } from './host-gw.ts'
import { masqueradeTable } from './masquerade.ts'
import { mtuFault, podMtu } from './mtu.ts'
import {
  type OverlayPeer,
  type OverlaySelf,
  type OwnBlock,
  type PeerFamily,
  peerFamily,
  publicAddress,
  vtepMac,
} from './node.ts'
import { type BackendSettings, backendSettings, familyNetwork } from './settings.ts'
import { forwarding } from './sysctls.ts'
import { vxlanNode, vxlanPeer } from './vxlan.ts'

/** What a plan comes to. `entries` are keyed by `entryKey`. */
export interface OverlayPlan {
  readonly entries: readonly { readonly key: string; readonly value: Entry }[]
  readonly findings: readonly OverlayFinding[]
}

/** What the pod network needs of this node, whatever peers it has: device, address, sysctls, masquerade table. */
export function planNode(config: NetworkConfig, self: OverlaySelf): OverlayPlan {
  const settings = backendSettings(config)
  const entries: Entry[] = []
  const { blocks, findings } = readOwnBlocks(config, self)
  for (const own of blocks) {
    const fault = mtuFault(settings, self.uplink.mtu, own.family)
    if (fault !== undefined) findings.push(nodeFinding(self.nodeName, fault))
    const local = publicAddress(self.uplink, own.family)
    if (local === undefined) {
      const text = `${self.uplink.device} has no IPv${own.family} address, so pods of ${formatPrefix(own.block)} reach no other node: give it one, or name another uplink`
      findings.push(nodeFinding(self.nodeName, text))
    } else if (settings.type === 'vxlan') entries.push(...vxlanNode(settings, self, own, local))
    entries.push(forwarding(own.family))
    if (config.spec.masquerade ?? true) entries.push(masqueradeTable(own))
  }
  return plan(entries, findings)
}

/** MTU of this node's pods, bytes. */
export function overlayMtu(config: NetworkConfig, self: OverlaySelf): number {
  const families = ownBlocks(config, self).map(own => own.family)
  return podMtu(backendSettings(config), self.uplink.mtu, families)
}

/** The blocks of this node that lie in the network, at most one a family. */
export function ownBlocks(config: NetworkConfig, self: OverlaySelf): readonly OwnBlock[] {
  return readOwnBlocks(config, self).blocks
}

function readOwnBlocks(
  config: NetworkConfig,
  self: OverlaySelf,
): { blocks: OwnBlock[]; findings: OverlayFinding[] } {
  const blocks: OwnBlock[] = []
  const findings: OverlayFinding[] = []
  if (self.podCidrs.length === 0) findings.push(nodeFinding(self.nodeName, 'it has no pod CIDR yet'))
  for (const text of self.podCidrs) {
    const fault = blockFault(config, text)
    const block = tryParsePrefix(text)
    const network = block && familyNetwork(config, block.family)
    if (fault !== undefined) findings.push(nodeFinding(self.nodeName, fault))
    else if (
      block !== undefined &&
      network !== undefined &&
      blocks.every(own => own.family !== block.family)
    ) {
      blocks.push({ family: block.family, block, network: network.network })
    }
  }
  return { blocks, findings }
}

/**
 * What this node needs to reach a peer's pods: per family a route, and with vxlan a neighbour and an FDB entry.
 *
 * @param rivals claims of other nodes in the slots of this peer's claims (see `claimsOf`)
 */
export function planPeer(
  config: NetworkConfig,
  self: OverlaySelf,
  peer: OverlayPeer,
  rivals: readonly Claim[] = [],
): OverlayPlan {
  if (peer.nodeName === self.nodeName) return plan([], [])
  const settings = backendSettings(config)
  const fault = peerFault(config, settings, peer, rivals)
  if (fault !== undefined) return plan([], [nodeFinding(peer.nodeName, fault)])
  const entries: Entry[] = []
  const findings: OverlayFinding[] = []
  for (const own of ownBlocks(config, self)) {
    const side = peerFamily(peer, own.family)
    if (side === undefined) continue
    const sideFault = familyFault(config, settings, self, own, side)
    if (sideFault !== undefined) {
      findings.push(nodeFinding(peer.nodeName, sideFault))
      continue
    }
    const result = peerEntries(settings, self, own.family, peer.nodeName, side)
    entries.push(...result.entries)
    if (result.finding !== undefined) findings.push(result.finding)
  }
  return plan(entries, findings)
}

function peerEntries(
  settings: BackendSettings,
  self: OverlaySelf,
  family: Family,
  peerName: string,
  side: PeerFamily,
): { readonly entries: readonly Entry[]; readonly finding?: OverlayFinding } {
  if (settings.type === 'host-gw') return hostGatewayPeer(self, family, peerName, side)
  if (publicAddress(self.uplink, family) === undefined || side.vtepMac === undefined) return { entries: [] }
  return { entries: vxlanPeer(settings, self, family, { ...side, vtepMac: side.vtepMac }) }
}

/** What keeps the whole peer out. */
function peerFault(
  config: NetworkConfig,
  settings: BackendSettings,
  peer: OverlayPeer,
  rivals: readonly Claim[],
): string | undefined {
  if (peer.backendType !== settings.type) {
    return `its agent runs backend ${quote(peer.backendType)}, this network runs ${settings.type}: its pods cannot be reached until both are the same`
  }
  const lost = betterClaim(claimsOf(config, peer), rivals)
  if (lost === undefined) return undefined
  const [claim, better] = lost
  return `it claims ${claim.what}, but Node ${better.nodeName}, which is older, has ${better.what}: nothing is set up for it until one of the two gives way`
}

/** What keeps one family of the peer out; the other one is not touched by it. */
function familyFault(
  config: NetworkConfig,
  settings: BackendSettings,
  self: OverlaySelf,
  own: OwnBlock,
  side: PeerFamily,
): string | undefined {
  const fault = blockFault(config, side.podCidr)
  if (fault !== undefined) return fault
  if (overlaps(own.block, parsePrefix(side.podCidr))) {
    return `its pod CIDR ${side.podCidr} overlaps ${formatPrefix(own.block)} of ${self.nodeName}: give it another one`
  }
  if (side.publicAddress === publicAddress(self.uplink, own.family)) {
    return `it says its address is ${side.publicAddress}, which is that of ${self.nodeName}: one of the two is wrong`
  }
  if (settings.type !== 'vxlan') return undefined
  if (side.vni !== undefined && side.vni !== settings.vni) {
    return `its agent uses VNI ${side.vni}, this network uses ${settings.vni}: its IPv${own.family} pods cannot be reached until both are the same`
  }
  if (side.vtepMac === undefined)
    return `it does not tell the MAC of its IPv${own.family} VTEP: its agent has to publish it`
  if (side.vtepMac === vtepMac(self, own.family)) {
    return `it says its VTEP has the MAC ${side.vtepMac}, which is that of ${self.nodeName}: one of the two must change`
  }
  return undefined
}

/** What is wrong with a pod CIDR, in words. One of a family that the network does not have is not looked at. */
function blockFault(config: NetworkConfig, text: string): string | undefined {
  const block = tryParsePrefix(text)
  if (block === undefined) return `its pod CIDR ${quote(text)} is not a prefix`
  const network = familyNetwork(config, block.family)
  if (network === undefined) return undefined
  if (!covers(network.network, block)) {
    return `its pod CIDR ${text} lies outside the pod network ${formatPrefix(network.network)}`
  }
  if (block.length >= network.blockLength) return undefined
  const field = block.family === 4 ? 'subnetLength' : 'ipv6SubnetLength'
  return `its pod CIDR ${text} is larger than a node's block, which is a /${network.blockLength}: set ${field} of the NetworkConfig to ${block.length} if that is meant`
}

function plan(entries: readonly Entry[], findings: readonly OverlayFinding[]): OverlayPlan {
  return { entries: entries.map(value => ({ key: entryKey(value), value })), findings }
}
