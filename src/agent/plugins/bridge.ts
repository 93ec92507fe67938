import { type BridgeConfig, type BridgeSpec, gatewayLink, parseBridgeConfig } from '../../attach/index.ts'
import type { HostView } from './host-view.ts'
import { type InterfaceCommon, interfacePlugin } from './interface.ts'
import type { Plugin } from './plugin.ts'

/** The standard `bridge` plugin. */
export function bridgePlugin(common: InterfaceCommon): Plugin {
  return interfacePlugin({
    ...common,
    parse: parseBridgeConfig,
    facts: async config => bridgeNow(config, await common.observed()),
    wiring: (spec, config, now) => ({ plan: 'bridge', spec: { ...spec, config, ...now } }),
  })
}

/** `cni0` is the name everybody gives the bridge he makes; any other bridge that is there is its owner's. */
const COMMON_NAME = 'cni0'

function bridgeNow(
  config: BridgeConfig,
  host: HostView,
): Pick<BridgeSpec, 'bridgeClaim' | 'bridgeMtu' | 'bridgeAddresses'> {
  const { bridge } = config
  const link = host.get(`link ${bridge}`)
  const isUsed = link?.mark === 'foreign' && bridge !== COMMON_NAME
  const addresses: string[] = []
  for (const key of host.addressesOf(`link ${gatewayLink(config)}`)) {
    const seen = host.get(key)
    if (seen?.entry.kind === 'address' && seen.mark === 'foreign') addresses.push(seen.entry.address)
  }
  const mtu = link?.entry.kind === 'link' ? link.entry.mtu : undefined
  return {
    bridgeClaim: isUsed ? 'use' : 'own',
    ...(isUsed && mtu !== undefined ? { bridgeMtu: mtu } : {}),
    bridgeAddresses: addresses,
  }
}
