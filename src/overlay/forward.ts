import { formatPrefix } from '../ip/index.ts'
import { IPTABLES_PREFIX, type IptablesChainEntry, iptablesRule } from '../kernel/index.ts'
import type { OwnBlock } from './node.ts'

const COMMENT = 'overlay'

/**
 * The pod network passes FORWARD of iptables, whatever the policy there (Docker's is to drop): flannel's
 * `--iptables-forward-rules`. It takes iptables itself, since a packet passes when no table drops it.
 */
export function forwardChain({ family, network }: OwnBlock): IptablesChainEntry {
  const prefix = formatPrefix(network)
  const name = `${IPTABLES_PREFIX}OVERLAY`
  return {
    kind: 'iptables-chain',
    family,
    table: 'filter',
    name,
    rules: ['-s', '-d'].map(side => iptablesRule(COMMENT, side, prefix, '-j', 'ACCEPT')),
    jumps: [{ from: 'FORWARD', rule: iptablesRule(COMMENT, '-j', name) }],
  }
}
