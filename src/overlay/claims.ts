import { type Family, formatPrefix, overlaps, prefixOf, tryParsePrefix } from '../ip/index.ts'
import type { NetworkConfig } from '../model/index.ts'
import { familyNetwork } from './family-network.ts'
import { type OverlayPeer, peerFamily } from './node.ts'

/**
 * What a node says is its own and only one can have: a block of addresses, or its identity in the
 * tunnel (a VTEP's MAC). Claims that can
 * collide have equal slots, so that an index by slot finds the rivals of a claim among thousands.
 */
export interface Claim {
  readonly nodeName: string
  readonly createdAt: string
  readonly slot: string
  /** `10.244.3.0/24`, or the identity. */
  readonly what: string
}

/** A block's slot is the block of configured length that it lies in; longer ones are refused elsewhere. */
export function claimsOf(config: NetworkConfig, peer: OverlayPeer): readonly Claim[] {
  const { nodeName, createdAt } = peer
  return ([4, 6] as const).flatMap(family => {
    const side = peerFamily(peer, family)
    if (side === undefined) return []
    const claims: Claim[] = []
    const slot = blockSlot(config, family, side.podCidr)
    if (slot !== undefined) claims.push({ nodeName, createdAt, slot, what: side.podCidr })
    const identity = side.data?.identity
    if (identity !== undefined) {
      claims.push({ nodeName, createdAt, slot: `identity ${family} ${identity}`, what: identity })
    }
    return claims
  })
}

function blockSlot(config: NetworkConfig, family: Family, podCidr: string): string | undefined {
  const prefix = tryParsePrefix(podCidr)
  const network = familyNetwork(config, family)
  if (prefix === undefined || network === undefined || prefix.length < network.blockLength) return undefined
  const first = { family, value: prefix.network }
  return `block ${formatPrefix(prefixOf(first, network.blockLength))}`
}

/** Which of the rivals has an older right to what the peer claims; undefined if the peer's own right is the oldest. */
export function betterClaim(claims: readonly Claim[], rivals: readonly Claim[]): [Claim, Claim] | undefined {
  for (const claim of claims) {
    const better = rivals.find(rival => collide(claim, rival) && precedes(rival, claim))
    if (better !== undefined) return [claim, better]
  }
  return undefined
}

function collide(a: Claim, b: Claim): boolean {
  if (a.slot !== b.slot || a.nodeName === b.nodeName) return false
  const [first, second] = [tryParsePrefix(a.what), tryParsePrefix(b.what)]
  return first === undefined || second === undefined ? a.what === b.what : overlaps(first, second)
}

/** The older node, and of two made in the same second the first by name: every node decides alike. */
function precedes(a: Claim, b: Claim): boolean {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt
  return a.nodeName < b.nodeName
}
