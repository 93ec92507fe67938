import { type Family, formatPrefix } from '../ip/index.ts'
import type { NftMatch, NftRule, NftTableEntry, NftVerdict } from '../kernel/index.ts'
import type { OwnBlock } from './node.ts'

export const MASQUERADE_TABLE = 'podlace-masq'

/** What kubelet and kube-proxy mark for their own masquerading; a packet that bears it is left to them. */
const KUBE_MARK = 0x4000

const MULTICAST: Readonly<Record<Family, string>> = { 4: '224.0.0.0/4', 6: 'ff00::/8' }

const leave: NftVerdict = { do: 'return' }

/** srcnat of nftables: where source addresses are rewritten. */
const SOURCE_NAT_PRIORITY = 100

/**
 * What leaves the pod network takes the node's address; what stays in it keeps its own. The six intents are those
 * of flannel's iptables rules, in their order and with their masks, which its nftables rules miss: there, a packet
 * from a node's own address to a pod elsewhere is returned by the fourth rule and never masqueraded.
 *
 * @param fullyRandom choose ports at random
 */
export function masqueradeTable({ family, block, network }: OwnBlock, fullyRandom: boolean): NftTableEntry {
  const masquerade: NftVerdict = fullyRandom ? { do: 'masquerade', fullyRandom } : { do: 'masquerade' }
  const own = formatPrefix(block)
  const cluster = formatPrefix(network)
  const rules: readonly NftRule[] = [
    rule('left to kube-proxy', leave, { on: 'mark', value: KUBE_MARK, mask: KUBE_MARK }),
    rule('own pods to the network', leave, from(own), to(cluster)),
    rule('the network to own pods', leave, from(cluster), to(own)),
    rule('outside to own pods', leave, notFrom(cluster), to(own)),
    rule('the network to outside', masquerade, from(cluster), notTo(MULTICAST[family])),
    rule('outside to pods elsewhere', masquerade, notFrom(cluster), to(cluster)),
  ]
  return {
    kind: 'nft-table',
    family: family === 4 ? 'ip' : 'ip6',
    name: MASQUERADE_TABLE,
    sets: [],
    chains: [
      {
        name: 'postrouting',
        hook: { type: 'nat', hook: 'postrouting', priority: SOURCE_NAT_PRIORITY, policy: 'accept' },
        rules,
      },
    ],
  }
}

function rule(comment: string, verdict: NftVerdict, ...match: readonly NftMatch[]): NftRule {
  return { comment: `overlay: ${comment}`, match, verdict }
}

function from(prefix: string): NftMatch {
  return { on: 'source', prefix }
}

function to(prefix: string): NftMatch {
  return { on: 'destination', prefix }
}

function notFrom(prefix: string): NftMatch {
  return { on: 'source', prefix, not: true }
}

function notTo(prefix: string): NftMatch {
  return { on: 'destination', prefix, not: true }
}
