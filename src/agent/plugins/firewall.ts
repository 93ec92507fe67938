import { type FirewallConfig, parseFirewallConfig } from '../../attach/index.ts'
import type { Family } from '../../ip/index.ts'
import { chainedPlugin } from './chained.ts'
import type { Plugin } from './plugin.ts'
import type { HostFacts } from './spec.ts'

const FAMILIES: readonly Family[] = [4, 6]

/** Why the host has no iptables of the family, in words; undefined if it has. */
export type IptablesFault = (family: Family) => Promise<string | undefined>

export interface FirewallPluginOptions {
  readonly host: HostFacts
  readonly iptablesFault: IptablesFault
}

export function firewallPlugin({ host, iptablesFault }: FirewallPluginOptions): Plugin {
  const usable = onceUsable(iptablesFault)
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
async function familiesOf(
  { accept }: FirewallConfig,
  usable: () => Promise<readonly Family[]>,
): Promise<readonly Family[]> {
  switch (accept) {
    case 'always':
      return FAMILIES
    case 'never':
      return []
    case 'if-possible':
      return usable()
  }
}

/** Asked once in the agent's life: where iptables is missing, every ADD would start a program to learn it. */
function onceUsable(iptablesFault: IptablesFault): () => Promise<readonly Family[]> {
  let asked: Promise<readonly Family[]> | undefined
  return () => {
    asked ??= Promise.all(FAMILIES.map(iptablesFault)).then(faults =>
      FAMILIES.filter((_, i) => faults[i] === undefined),
    )
    return asked
  }
}
