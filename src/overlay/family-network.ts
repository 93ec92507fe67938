import type { Family, Prefix } from '../ip/index.ts'
import { parsePrefix } from '../ip/index.ts'
import type { NetworkConfig } from '../model/index.ts'

/** The pod network of one family. */
export interface FamilyNetwork {
  readonly network: Prefix
  /** Length of one node's block. */
  readonly blockLength: number
}

/** Undefined if the network has no such family. */
export function familyNetwork(config: NetworkConfig, family: Family): FamilyNetwork | undefined {
  const { network, ipv6Network, subnetLength = 24, ipv6SubnetLength = 64 } = config.spec
  const text = family === 4 ? network : ipv6Network
  if (text === undefined) return undefined
  return { network: parsePrefix(text), blockLength: family === 4 ? subnetLength : ipv6SubnetLength }
}
