import { type BridgeConfig, type BridgeSpec, parseBridgeConfig } from '../../attach/index.ts'
import type { ObservedEntry } from '../../kernel/index.ts'
import type { Ipam } from '../addresses/ipam.ts'
import { interfacePlugin } from './interface.ts'
import type { Plugin } from './plugin.ts'
import type { HostFacts } from './spec.ts'

export interface StandardOptions {
  readonly host: HostFacts
  readonly ipam: Ipam
  /** What the host's kernel holds now. */
  readonly observed: () => HostView
}

/** The mirror of the host's namespace, by key; `childrenOf` a link gives the keys of its addresses among others. */
export interface HostView {
  get(key: string): ObservedEntry | undefined
  childrenOf(key: string): Iterable<string>
}

/** The standard `bridge` plugin. */
export function bridgePlugin({ host, ipam, observed }: StandardOptions): Plugin {
  return interfacePlugin<BridgeConfig>({
    host,
    ipam,
    parse: parseBridgeConfig,
    wiring: (spec, config) => ({
      plan: 'bridge',
      spec: { ...spec, config, ...bridgeNow(config.bridge, observed()) },
    }),
  })
}

/** `cni0` is the name everybody gives the bridge he makes; any other bridge that is there is its owner's. */
const COMMON_NAME = 'cni0'

function bridgeNow(bridge: string, host: HostView): Pick<BridgeSpec, 'bridgeClaim' | 'bridgeAddresses'> {
  const key = `link ${bridge}`
  const foreign = host.get(key)?.mark === 'foreign'
  const addresses: string[] = []
  for (const child of host.childrenOf(key)) {
    const seen = host.get(child)
    if (seen?.entry.kind === 'address' && seen.mark === 'foreign') addresses.push(seen.entry.address)
  }
  return { bridgeClaim: foreign && bridge !== COMMON_NAME ? 'use' : 'own', bridgeAddresses: addresses }
}
