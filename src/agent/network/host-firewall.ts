import { entryKey, type NftTableEntry, type ObservedEntry } from '../../kernel/index.ts'
import { type OverlayFinding, tunnelPorts, tunnelProtocol } from '../../overlay/index.ts'
import type { SelfNetwork } from './self.ts'

/** As firewalld makes it from release 0.6 on with its backend nftables, which is the default (firewalld.conf(5)). */
const FIREWALLD: NftTableEntry = {
  kind: 'nft-table',
  family: 'inet',
  name: 'firewalld',
  sets: [],
  chains: [],
}

/**
 * A packet passes when no table drops it: what we accept is no help where firewalld, in its chain filter_FORWARD,
 * rejects what it was not told of. Of tables of others the names are known and nothing else, so this says what it takes
 * and not whether it was done.
 *
 * @param observed what the node's namespace holds, by key
 */
export function firewallFindings(
  observed: { get(key: string): ObservedEntry | undefined },
  network: SelfNetwork | undefined,
): readonly OverlayFinding[] {
  if (network === undefined || observed.get(entryKey(FIREWALLD)) === undefined) return []
  const { config } = network
  const sources = [config.spec.network, config.spec.ipv6Network].filter(prefix => prefix !== undefined)
  const protocol = tunnelProtocol(config)
  const commands = [
    `firewall-cmd --permanent --zone=trusted ${sources.map(prefix => `--add-source=${prefix}`).join(' ')}`,
    ...tunnelPorts(config).map(port => `firewall-cmd --permanent --add-port=${port}/udp`),
    ...(protocol === undefined ? [] : [`firewall-cmd --permanent --add-protocol=${protocol}`]),
    'firewall-cmd --reload',
  ]
  const text = `firewalld is at work (nft table inet firewalld): its chain filter_FORWARD rejects packets of pods, whatever our rules accept, unless it was told of them; if that was not done yet, run ${commands.map(command => `\`${command}\``).join(', ')}`
  return [{ object: 'firewalld', text }]
}
