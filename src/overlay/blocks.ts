import { covers, formatPrefix, tryParsePrefix } from '../ip/index.ts'
import type { NetworkConfig } from '../model/index.ts'
import type { Backend, LocalBlock } from './backend.ts'
import { familyNetwork } from './family-network.ts'
import { nodeFinding, type OverlayFinding, quote } from './finding.ts'
import { familyMtu } from './mtu.ts'
import { type OverlaySelf, type OwnBlock, publicAddress } from './node.ts'

/** The blocks of this node that lie in the network, at most one a family. */
export function ownBlocks(config: NetworkConfig, self: OverlaySelf): readonly OwnBlock[] {
  return readOwnBlocks(config, self).blocks
}

export function readOwnBlocks(
  config: NetworkConfig,
  self: OverlaySelf,
): { readonly blocks: readonly OwnBlock[]; readonly findings: readonly OverlayFinding[] } {
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

/** The block as one that the backend can carry, or why it cannot, in words. */
export function localBlock(backend: Backend, { uplink }: OverlaySelf, own: OwnBlock): LocalBlock | string {
  const { family } = own
  if (!backend.families.includes(family)) {
    return `backend ${backend.type} does not carry IPv${family}, so pods of ${formatPrefix(own.block)} reach no other node: take another backend`
  }
  const local = publicAddress(uplink, family)
  if (local !== undefined) return { ...own, local, mtu: familyMtu(backend, uplink.mtu, family) }
  return `${uplink.device} has no IPv${family} address, so pods of ${formatPrefix(own.block)} reach no other node: give it one, or name another uplink`
}

/** What is wrong with a pod CIDR, in words. One of a family that the network does not have is not looked at. */
export function blockFault(config: NetworkConfig, text: string): string | undefined {
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
