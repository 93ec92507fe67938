import { type Family, formatAddress, parseInterfaceAddress } from '../ip/index.ts'
import {
  type Entry,
  IPTABLES_PREFIX,
  type IptablesChainEntry,
  iptablesRule,
  type NftElementEntry,
  type NftMatch,
  type NftRule,
  type NftTableEntry,
} from '../kernel/index.ts'
import { FORWARD_BIT } from './mark-bits.ts'
import { type CniIp, ipFamily } from './result.ts'

const TABLE = 'podlace-firewall-forward'
/** filter of nftables is 0, and so is FORWARD of iptables: what is marked here is seen there. */
const BEFORE_FILTER = -10
const MARK = 1 << FORWARD_BIT
const FAMILIES = [4, 6] as const

const COMMENT = 'firewall'
const FORWARD_CHAIN = `${IPTABLES_PREFIX}FORWARD`

/** Not called after addresses alone: the guard's sets are, and hold other keys. */
const podsOf = (family: Family) => `pods${family}`

/** What pods send, and what comes back to them, is marked: the same for all pods, which are elements. */
const markingTable: NftTableEntry = {
  kind: 'nft-table',
  family: 'inet',
  name: TABLE,
  sets: FAMILIES.map(family => ({
    name: podsOf(family),
    type: 'set',
    interval: false,
    key: [family === 4 ? 'ipv4_addr' : 'ipv6_addr'],
  })),
  chains: [
    {
      name: 'forward',
      hook: { type: 'filter', hook: 'forward', priority: BEFORE_FILTER, policy: 'accept' },
      rules: FAMILIES.flatMap(family => [
        marked('from a pod', { on: 'source', set: podsOf(family) }),
        marked(
          'answer to a pod',
          { on: 'destination', set: podsOf(family) },
          { on: 'connection', states: ['established', 'related'] },
        ),
      ]),
    },
  ],
}

/**
 * What it takes that pods reach others, and are answered, where FORWARD of iptables drops by default: one element an
 * address, and one chain of iptables a family, which accepts what is marked. To accept in nftables alone would not do:
 * a packet passes when no table drops it.
 */
export function forwardEntries(ips: readonly CniIp[]): {
  readonly host: readonly Entry[]
  readonly shared: readonly Entry[]
} {
  if (ips.length === 0) return { host: [], shared: [] }
  const families = FAMILIES.filter(family => ips.some(ip => ipFamily(ip) === family))
  return { host: ips.map(podElement), shared: [markingTable, ...families.map(acceptingChain)] }
}

function acceptingChain(family: Family): IptablesChainEntry {
  const mark = `0x${MARK.toString(16)}`
  return {
    kind: 'iptables-chain',
    family,
    table: 'filter',
    name: FORWARD_CHAIN,
    rules: [iptablesRule(COMMENT, '-m', 'mark', '--mark', `${mark}/${mark}`, '-j', 'ACCEPT')],
    jumps: [{ from: 'FORWARD', rule: iptablesRule(COMMENT, '-j', FORWARD_CHAIN) }],
  }
}

function podElement(ip: CniIp): NftElementEntry {
  const { address } = parseInterfaceAddress(ip.address)
  return {
    kind: 'nft-element',
    family: markingTable.family,
    table: TABLE,
    set: podsOf(address.family),
    key: [formatAddress(address)],
  }
}

function marked(what: string, ...match: readonly NftMatch[]): NftRule {
  return { comment: `${COMMENT}: ${what}`, match, verdict: { do: 'mark', value: MARK, mask: MARK } }
}
