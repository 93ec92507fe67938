import { type BridgeConfig, type BridgeSpec, gatewayLink, parseBridgeConfig } from '../../attach/index.ts'
import type { HostView } from './host-view.ts'
import { type InterfaceCommon, interfacePlugin } from './interface.ts'
import type { Plugin } from './plugin.ts'

/** The standard `bridge` plugin. */
export function bridgePlugin(common: InterfaceCommon): Plugin {
  return interfacePlugin({
    ...common,
    parse: parseBridgeConfig,
    facts: config => bridgeNow(config, common.observed()),
    wiring: (spec, config, now) => ({ plan: 'bridge', spec: { ...spec, config, ...now } }),
  })
}

/** `cni0` is the name everybody gives the bridge he makes; any other bridge that is there is its owner's. */
const COMMON_NAME = 'cni0'

function bridgeNow(
  config: BridgeConfig,
  host: HostView,
): Pick<BridgeSpec, 'bridgeClaim' | 'bridgeAddresses'> {
  const { bridge } = config
  const foreign = host.get(`link ${bridge}`)?.mark === 'foreign'
  const addresses: string[] = []
  for (const key of host.addressesOf(`link ${gatewayLink(config)}`)) {
    const seen = host.get(key)
    if (seen?.entry.kind === 'address' && seen.mark === 'foreign') addresses.push(seen.entry.address)
  }
  return { bridgeClaim: foreign && bridge !== COMMON_NAME ? 'use' : 'own', bridgeAddresses: addresses }
}
