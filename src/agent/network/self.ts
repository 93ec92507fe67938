import {
  type Family,
  formatPrefix,
  overlaps,
  type Prefix,
  parseInterfaceAddress,
  tryParseAddress,
  tryParsePrefix,
} from '../../ip/index.ts'
import type { NetworkConfig, Node } from '../../model/index.ts'
import { type AddressOverwrite, type OverlaySelf, overwriteFromNode, ownBlocks } from '../../overlay/index.ts'
import { podCidrsOf } from './pod-cidrs.ts'
import type { Uplink } from './uplink.ts'

/** The pod network as this node takes part in it: everything the planners need besides the peers. */
export interface SelfNetwork {
  readonly config: NetworkConfig
  readonly self: OverlaySelf
  /** UID of the Node object it was made from. */
  readonly nodeUid: string
  readonly overwrite: AddressOverwrite
}

export interface SelfInputs {
  readonly nodeName: string
  readonly configName: string
  readonly node: Node | undefined
  readonly config: NetworkConfig | undefined
  readonly uplink: Uplink | undefined
  /** The address that the uplink was looked for by, or is to be used of it. */
  readonly uplinkAddress: string | undefined
  /** What the node's configuration says of its address; annotations of the Node go before. */
  readonly advertised: AddressOverwrite
  /** What the program of backend extension printed that runs before the start. */
  readonly preStartupOutput: string | undefined
  readonly hasIpv6: boolean
  /** Of which the node has iptables. */
  readonly iptablesFamilies: readonly Family[]
  /** Devices of which nothing is to be left to the network card. */
  readonly softwareChecksums: readonly string[]
  /** Public half of the node's key, where the network wants one. */
  readonly wireguardKey?: string
  /** Why there is no Node, in words. */
  readonly noNode: string
}

/** Either the network, or what it still lacks, in words. */
export function composeSelf(
  inputs: SelfInputs,
): { readonly network: SelfNetwork } | { readonly lacks: string } {
  const {
    nodeName,
    configName,
    node,
    config,
    uplink,
    uplinkAddress,
    advertised,
    hasIpv6,
    wireguardKey,
    noNode,
  } = inputs
  if (node === undefined) return { lacks: noNode }
  if (config === undefined) return { lacks: `there is no NetworkConfig ${configName}: create one` }
  const podCidrs = podCidrsOf(node)
  if (podCidrs.length === 0)
    return { lacks: `Node ${nodeName} has no pod CIDR yet: the controller gives it one` }
  if (uplink === undefined) {
    return {
      lacks: `no network device of this node has the address ${uplinkAddress ?? '(none given)'} of Node ${nodeName}`,
    }
  }
  const clash = addressClash(config, uplink, podCidrs)
  if (clash !== undefined) return { lacks: clash }
  const publicAddress = ownAddress(uplink, 4, uplinkAddress)
  const publicAddress6 = ownAddress(uplink, 6, uplinkAddress)
  const self: OverlaySelf = {
    nodeName,
    podCidrs,
    hasIpv6,
    iptablesFamilies: inputs.iptablesFamilies,
    ...(inputs.softwareChecksums.length === 0 ? {} : { softwareChecksums: inputs.softwareChecksums }),
    ...(inputs.preStartupOutput === undefined ? {} : { preStartupOutput: inputs.preStartupOutput }),
    ...(wireguardKey === undefined ? {} : { wireguardKey }),
    uplink: {
      ...uplink,
      ...(publicAddress === undefined ? {} : { publicAddress }),
      ...(publicAddress6 === undefined ? {} : { publicAddress6 }),
    },
  }
  // At most one a family, and only those inside the network: pods get addresses of no other.
  const blocks = ownBlocks(config, self).map(({ block }) => formatPrefix(block))
  if (blocks.length === 0) {
    return {
      lacks: `the pod CIDR ${podCidrs.join(', ')} of Node ${nodeName} is no block of NetworkConfig ${configName}`,
    }
  }
  const { findings: _, ...fromNode } = overwriteFromNode(node)
  const overwrite = { ...advertised, ...fromNode }
  const network = { config, self: { ...self, podCidrs: blocks }, nodeUid: node.metadata.uid, overwrite }
  return { network }
}

/**
 * Why the node's pods cannot have these addresses, in words. A pod network over the underlay's own would send the
 * packets for other nodes, and for whoever else is there, into the overlay.
 */
function addressClash(
  config: NetworkConfig,
  uplink: Uplink,
  podCidrs: readonly string[],
): string | undefined {
  const { network, ipv6Network } = config.spec
  const networks = prefixesOf([network, ipv6Network])
  for (const own of uplink.addresses.map(text => parseInterfaceAddress(text).prefix)) {
    const found = networks.find(prefix => overlaps(prefix, own))
    if (found === undefined) continue
    return `the pod network ${formatPrefix(found)} of NetworkConfig ${config.metadata.name} overlaps the underlay ${formatPrefix(own)} of ${uplink.device}: give it another network`
  }
  const small = prefixesOf(podCidrs).find(({ family, length }) => length > (family === 4 ? 30 : 126))
  if (small === undefined) return undefined
  return `the pod CIDR ${formatPrefix(small)} has no address for a pod beside its gateway's: /${small.family === 4 ? 30 : 126} is the smallest`
}

function prefixesOf(texts: readonly (string | undefined)[]): Prefix[] {
  return texts.flatMap(text => (text === undefined ? [] : (tryParsePrefix(text) ?? [])))
}

/** The node's address as its kubelet tells it. */
export function internalAddress(node: Node): string | undefined {
  return node.status.addresses?.find(({ type }) => type === 'InternalIP')?.address
}

/** The uplink's address of a family: the node's internal one if the device has it, else the device's first. */
function ownAddress(uplink: Uplink, family: 4 | 6, preferred: string | undefined): string | undefined {
  const own = uplink.addresses.filter(text => parseInterfaceAddress(text).address.family === family)
  const wanted = preferred === undefined ? undefined : tryParseAddress(preferred)
  const exact = own.find(text => parseInterfaceAddress(text).address.value === wanted?.value)
  return (exact ?? own[0])?.split('/')[0]
}
