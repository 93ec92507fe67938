import { type FirewallConfig, parseFirewallConfig } from '../../attach/index.ts'
import type { Family } from '../../ip/index.ts'
import { IPTABLES_FAMILIES, type IptablesFamilies } from '../iptables-families.ts'
import { chainedPlugin } from './chained.ts'
import type { Plugin } from './plugin.ts'
import type { HostFacts } from './spec.ts'

export interface FirewallPluginOptions {
  readonly host: HostFacts
  readonly iptablesFamilies: IptablesFamilies
}

export function firewallPlugin({ host, iptablesFamilies: usable }: FirewallPluginOptions): Plugin {
  return chainedPlugin({
    host,
    parse: parseFirewallConfig,
    facts: (_spec, config) => familiesOf(config, usable),
    wiring: (spec, config, iptablesFamilies) => ({
      plan: 'firewall',
      spec: { ...spec, config, iptablesFamilies },
    }),
  })
}

/** What is asked for in any case is refused where it cannot be had, when it is made. */
async function familiesOf({ accept }: FirewallConfig, usable: IptablesFamilies): Promise<readonly Family[]> {
  switch (accept) {
    case 'always':
      return IPTABLES_FAMILIES
    case 'never':
      return []
    case 'if-possible':
      return usable()
  }
}
