import { parsePtpConfig } from '../../attach/index.ts'
import { bridgePlugin, type StandardOptions } from './bridge.ts'
import { flannelPlugin } from './flannel.ts'
import { interfacePlugin } from './interface.ts'
import { loopbackPlugin } from './loopback.ts'
import type { Plugin } from './plugin.ts'
import { type PodlacePluginOptions, podlacePlugin } from './podlace.ts'

export interface PluginsOptions extends StandardOptions {
  readonly podNetwork: Omit<PodlacePluginOptions, 'host'>
  readonly readSubnetFile: (file: string) => string
  /** No cluster gives this node a block; the subnet file is another daemon's. */
  readonly standsAlone: boolean
}

/** Every plugin of this agent, by type. */
export function allPlugins(options: PluginsOptions): ReadonlyMap<string, Plugin> {
  const { host, ipam, podNetwork, readSubnetFile, standsAlone } = options
  const interfaces = new Map<string, Plugin>([
    ['bridge', bridgePlugin(options)],
    [
      'ptp',
      interfacePlugin({
        host,
        ipam,
        parse: parsePtpConfig,
        wiring: (spec, config) => ({ plan: 'ptp', spec: { ...spec, config } }),
      }),
    ],
  ])
  return new Map([
    ['podlace', podlacePlugin({ host, ...podNetwork })],
    ...interfaces,
    ['flannel', flannelPlugin({ plugins: interfaces, readSubnetFile, usesBlocks: !standsAlone })],
    ['loopback', loopbackPlugin(host)],
  ])
}
