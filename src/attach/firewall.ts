import type { Family } from '../ip/index.ts'
import type { NftElementEntry, NftRule, NftTableEntry } from '../kernel/index.ts'
import { invalidConfiguration } from './errors.ts'
import type { FirewallConfig } from './firewall-config.ts'
import { forwardEntries } from './firewall-forward.ts'
import type { Attachment, ChainedSpec } from './plan.ts'
import { type CniResult, ipFamily } from './result.ts'

export interface FirewallSpec extends ChainedSpec {
  readonly config: FirewallConfig
  /** Families whose FORWARD of iptables is to let the pod through. */
  readonly iptablesFamilies?: readonly Family[]
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
 * Who may reach a pod by way of the host, and that the pod reaches others: what the CNI `firewall` plugin does. What
 * the `ingressPolicy` drops stays dropped, whatever accepts it elsewhere.
 *
 * Throws `attach.invalid-configuration`.
 */
export function planFirewall({ config, prevResult, iptablesFamilies = [] }: FirewallSpec): Attachment {
  const policy = policyEntries(config, prevResult)
  const forward = forwardEntries(prevResult.ips.filter(ip => iptablesFamilies.includes(ipFamily(ip))))
  return {
    pod: [],
    host: [...policy.host, ...forward.host],
    shared: [...policy.shared, ...forward.shared],
    displaced: [],
    result: prevResult,
  }
}

function policyEntries(
  { ingressPolicy }: FirewallConfig,
  { interfaces }: CniResult,
): Pick<Attachment, 'host' | 'shared'> {
  if (ingressPolicy === 'open') return { host: [], shared: [] }
  const [bridge, ...ports] = interfaces.filter(({ sandbox }) => sandbox === undefined)
  if (bridge === undefined) {
    throw invalidConfiguration(
      `ingressPolicy ${ingressPolicy} goes by the bridge of the pod, and there is none: chain firewall behind bridge`,
    )
  }
  const member = element(routedTable, 'bridges', [bridge.name])
  if (ingressPolicy === 'same-bridge') {
    const same = element(routedTable, 'same', [bridge.name, bridge.name])
    return { host: [], shared: [routedTable, member, same] }
  }
  return {
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
