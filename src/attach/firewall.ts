import type { NftElementEntry, NftRule, NftTableEntry } from '../kernel/index.ts'
import { invalidConfiguration } from './errors.ts'
import type { FirewallConfig } from './firewall-config.ts'
import type { Attachment, ChainedSpec } from './plan.ts'

export interface FirewallSpec extends ChainedSpec {
  readonly config: FirewallConfig
}

const TABLE = 'podlace-firewall'

/** What is forwarded between bridges, or comes back to the bridge that it came from. */
const routedTable: NftTableEntry = {
  kind: 'nft-table',
  family: 'inet',
  name: TABLE,
  sets: [
    { name: 'bridges', type: 'set', interval: false, key: ['ifname'] },
    { name: 'same', type: 'set', interval: false, key: ['ifname', 'ifname'] },
  ],
  chains: [
    {
      name: 'forward',
      hook: { type: 'filter', hook: 'forward', priority: 0, policy: 'accept' },
      rules: [
        {
          comment: 'firewall',
          match: [{ on: ['in-link', 'out-link'], set: 'same' }],
          verdict: { do: 'accept' },
        },
        drop('from another bridge', { on: 'in-link', set: 'bridges' }, { on: 'out-link', set: 'bridges' }),
      ],
    },
  ],
}

/** What goes from port to port of one bridge, which the IP layer does not see. */
const bridgedTable: NftTableEntry = {
  kind: 'nft-table',
  family: 'bridge',
  name: TABLE,
  sets: [{ name: 'isolated', type: 'set', interval: false, key: ['ifname'] }],
  chains: [
    {
      name: 'forward',
      hook: { type: 'filter', hook: 'forward', priority: 0, policy: 'accept' },
      rules: [
        drop('to an isolated pod', { on: 'out-link', set: 'isolated' }),
        drop('from an isolated pod', { on: 'in-link', set: 'isolated' }),
      ],
    },
  ],
}

/**
 * Who may reach a pod by way of the host: the `ingressPolicy` of the CNI `firewall` plugin.
 *
 * That plugin also accepts a pod's packets in the chain FORWARD of iptables, or puts its addresses into a zone of
 * firewalld. In nftables a packet passes when no table drops it, so that to accept it in a table of ours would undo
 * nothing that another drops, and the tables of others are not touched: where FORWARD drops by default, whoever made it
 * so has to let pods through. What is not dropped needs no accepting.
 *
 * Throws `attach.invalid-configuration`.
 */
export function planFirewall({ config, prevResult }: FirewallSpec): Attachment {
  const nothing = { pod: [], host: [], shared: [], displaced: [], result: prevResult }
  if (config.ingressPolicy === 'open') return nothing
  const [bridge, ...ports] = prevResult.interfaces.filter(({ sandbox }) => sandbox === undefined)
  if (bridge === undefined) {
    throw invalidConfiguration(
      `ingressPolicy ${config.ingressPolicy} goes by the bridge of the pod, and there is none: chain firewall behind bridge`,
    )
  }
  const member = element(routedTable, 'bridges', [bridge.name])
  if (config.ingressPolicy === 'same-bridge') {
    return {
      ...nothing,
      shared: [routedTable, member, element(routedTable, 'same', [bridge.name, bridge.name])],
    }
  }
  return {
    ...nothing,
    host: ports.map(({ name }) => element(bridgedTable, 'isolated', [name])),
    shared: [routedTable, bridgedTable, member],
  }
}

function element({ family, name }: NftTableEntry, set: string, key: readonly string[]): NftElementEntry {
  return { kind: 'nft-element', family, table: name, set, key }
}

function drop(cause: string, ...match: NftRule['match']): NftRule {
  return { comment: `firewall: ${cause}`, match, counter: true, verdict: { do: 'drop' } }
}
