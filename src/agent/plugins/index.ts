import {
  checkSysctlAllowlist,
  type MasterConfig,
  type PortClaims,
  type PortMapping,
  parseBandwidthConfig,
  parseHostDeviceConfig,
  parseIpvlanConfig,
  parseMacvlanConfig,
  parsePortmapConfig,
  parsePtpConfig,
  parseSbrConfig,
  parseTapConfig,
  parseTuningConfig,
  parseVlanConfig,
  parseVrfConfig,
  planTuning,
  refuseTakenPorts,
  type TuningSpec,
} from '../../attach/index.ts'
import type { Holder } from '../addresses/source.ts'
import type { Wiring } from '../attachments/record.ts'
import type { IptablesFamilies } from '../iptables-families.ts'
import { bridgePlugin } from './bridge.ts'
import { chainedPlugin } from './chained.ts'
import { firewallPlugin } from './firewall.ts'
import { flannelPlugin } from './flannel.ts'
import { deviceToMove, type Hardware } from './host-devices.ts'
import { hostEnd, observedMaster, observePod } from './host-view.ts'
import { type InterfaceCommon, interfacePlugin } from './interface.ts'
import { loopbackPlugin } from './loopback.ts'
import type { Place, Plugin } from './plugin.ts'
import { type PodlacePluginOptions, podlacePlugin } from './podlace.ts'
import { requestedMac } from './spec.ts'

export interface PluginsOptions extends InterfaceCommon {
  readonly podNetwork: Omit<PodlacePluginOptions, 'host'>
  readonly readSubnetFile: (file: string) => string
  /** No cluster gives this node a block; the subnet file is another daemon's. */
  readonly standsAlone: boolean
  readonly hardware: Hardware
  readonly iptablesFamilies: IptablesFamilies
  /** Host ports of the wanted numbers that other interfaces have. */
  readonly portClaims: (own: Holder, wanted: readonly PortMapping[]) => readonly PortClaims[]
  /** What an interface was made by; undefined if nothing tells. */
  readonly wiringOf: (holder: Holder) => Wiring | undefined
  /** The node's list of sysctls that networks may set; undefined if it has none. */
  readonly sysctlAllowlist: () => string | undefined
}

/** Types whose attachments work on an interface that another made, in the order in which DEL takes them away. */
export const CHAINED_TYPES = ['firewall', 'portmap', 'bandwidth', 'sbr', 'vrf', 'tuning', 'loopback'] as const

const nothing = () => undefined

/** Every plugin of this agent, by type. */
export function allPlugins(options: PluginsOptions): ReadonlyMap<string, Plugin> {
  const { host, podNetwork, readSubnetFile, standsAlone, wiringOf } = options
  const interfaces = interfacePlugins(options)
  return new Map([
    ['podlace', podlacePlugin({ host, ...podNetwork })],
    ...interfaces,
    ['flannel', flannelPlugin({ plugins: interfaces, readSubnetFile, usesBlocks: !standsAlone, wiringOf })],
    ['loopback', loopbackPlugin(host)],
    ...chainedPlugins(options),
  ])
}

function interfacePlugins({ host, ipam, observed, hardware }: PluginsOptions): ReadonlyMap<string, Plugin> {
  const common = { host, ipam, observed }
  const master = async (config: MasterConfig, at: Place) => observedMaster(config, await observed(), at)
  return new Map([
    ['bridge', bridgePlugin(common)],
    [
      'ptp',
      interfacePlugin({
        ...common,
        parse: parsePtpConfig,
        facts: nothing,
        wiring: (spec, config) => ({ plan: 'ptp', spec: { ...spec, config } }),
      }),
    ],
    [
      'macvlan',
      interfacePlugin({
        ...common,
        parse: parseMacvlanConfig,
        facts: master,
        wiring: (spec, config, facts) => ({ plan: 'macvlan', spec: { ...spec, config, master: facts } }),
      }),
    ],
    [
      'ipvlan',
      interfacePlugin({
        ...common,
        parse: parseIpvlanConfig,
        facts: master,
        wiring: (spec, config, facts) => ({ plan: 'ipvlan', spec: { ...spec, config, master: facts } }),
      }),
    ],
    [
      'vlan',
      interfacePlugin({
        ...common,
        parse: parseVlanConfig,
        facts: master,
        wiring: (spec, config, facts) => ({ plan: 'vlan', spec: { ...spec, config, master: facts } }),
      }),
    ],
    [
      'dummy',
      interfacePlugin({
        ...common,
        parse: () => {},
        facts: nothing,
        wiring: spec => ({ plan: 'dummy', spec }),
      }),
    ],
    [
      'tap',
      interfacePlugin({
        ...common,
        parse: parseTapConfig,
        facts: nothing,
        wiring: (spec, config) => ({ plan: 'tap', spec: { ...spec, config } }),
      }),
    ],
    [
      'host-device',
      interfacePlugin({
        ...common,
        parse: parseHostDeviceConfig,
        facts: async config => deviceToMove(config, await observed(), hardware),
        wiring: (spec, config, device) => ({ plan: 'host-device', spec: { ...spec, config, device } }),
      }),
    ],
  ])
}

function chainedPlugins({
  host,
  observed,
  sysctlAllowlist,
  iptablesFamilies,
  portClaims,
}: PluginsOptions): ReadonlyMap<string, Plugin> {
  return new Map([
    [
      'tuning',
      chainedPlugin({
        host,
        parse: parseTuningConfig,
        facts: async (spec, config, { call, pod }): Promise<TuningSpec> => {
          const allowlist = sysctlAllowlist()
          if (allowlist !== undefined) checkSysctlAllowlist(config.sysctls, allowlist)
          const tuning = { ...spec, config, requestedMac: requestedMac(call) }
          return { ...tuning, before: await observePod(pod, planTuning(tuning).pod) }
        },
        wiring: (_spec, _config, tuning) => ({ plan: 'tuning', spec: tuning }),
      }),
    ],
    [
      'portmap',
      chainedPlugin({
        host,
        parse: parsePortmapConfig,
        facts: nothing,
        wiring: (spec, config) => {
          // Here, since of two pods that come at once the second must see what the first has recorded.
          refuseTakenPorts(config.portMappings, portClaims(spec, config.portMappings))
          return { plan: 'portmap', spec: { ...spec, config } }
        },
      }),
    ],
    ['firewall', firewallPlugin({ host, iptablesFamilies })],
    [
      'sbr',
      chainedPlugin({
        host,
        parse: parseSbrConfig,
        facts: (_spec, _config, { pod }) => observePod(pod),
        wiring: (spec, config, present) => ({ plan: 'sbr', spec: { ...spec, config, present } }),
      }),
    ],
    [
      'vrf',
      chainedPlugin({
        host,
        parse: parseVrfConfig,
        facts: (_spec, _config, { pod }) => observePod(pod),
        wiring: (spec, config, present) => ({ plan: 'vrf', spec: { ...spec, config, present } }),
      }),
    ],
    [
      'bandwidth',
      chainedPlugin({
        host,
        parse: parseBandwidthConfig,
        facts: async spec => hostEnd(spec, await observed()),
        wiring: (spec, config, hostInterface) => ({
          plan: 'bandwidth',
          spec: { ...spec, config, hostInterface },
        }),
      }),
    ],
  ])
}
