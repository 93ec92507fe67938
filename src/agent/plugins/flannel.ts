import { parseBridgeConfig } from '../../attach/index.ts'
import { cniError, type NetworkConfiguration } from '../../cni/index.ts'
import { formatPrefix, parseInterfaceAddress } from '../../ip/index.ts'
import { parseSubnetEnv, type SubnetEnv } from '../../overlay/index.ts'
import { type BridgePluginOptions, hostLocalOf, prepareBridge } from './bridge.ts'
import type { Plugin } from './plugin.ts'

export interface FlannelPluginOptions {
  readonly bridge: BridgePluginOptions
  /** Reads the file that the node's network daemon writes; throws if there is none. */
  readonly readSubnetFile: (file: string) => string
  /** The file is this agent's own; without a pod network of its own it is that of another daemon. */
  readonly usesBlocks: boolean
}

const DEFAULT_SUBNET_FILE = '/run/flannel/subnet.env'

/**
 * flannel's CNI plugin: writes the configuration of a `bridge` with `host-local` addresses from subnet.env, and
 * carries that out itself.
 */
export function flannelPlugin({ bridge, readSubnetFile, usesBlocks }: FlannelPluginOptions): Plugin {
  const delegate = (config: NetworkConfiguration) =>
    delegateConfig(config, readSubnetEnv(config, readSubnetFile))
  return {
    usesBlocks,
    isChained: false,
    prepare: async (call, pod, begin) => {
      const config = delegate(call.config)
      return prepareBridge(bridge, { ...call, config }, pod, parseBridgeConfig(config.raw), begin)
    },
    // The store is found by data directory and network name alone: a missing subnet.env does not hinder DEL.
    addresses: config => hostLocalOf(bridge, { ...config, ipam: ipamOf(config, []) }),
  }
}

function readSubnetEnv(config: NetworkConfiguration, read: (file: string) => string): SubnetEnv {
  const file = typeof config.raw['subnetFile'] === 'string' ? config.raw['subnetFile'] : DEFAULT_SUBNET_FILE
  let text: string
  try {
    text = read(file)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw cniError(
      'try-again-later',
      `read network ${config.name}`,
      `${file} cannot be read (${why}): the node's network daemon writes it when the node has a pod CIDR`,
    )
  }
  return parseSubnetEnv(text)
}

/** What flannel's plugin would hand to the bridge plugin (its `delegate` wins over what it fills in). */
function delegateConfig(config: NetworkConfiguration, env: SubnetEnv): NetworkConfiguration {
  const delegate = objectAt(config, 'delegate')
  const type = delegate['type'] ?? 'bridge'
  if (type !== 'bridge') {
    throw cniError(
      'unsupported-field',
      `read network ${config.name}`,
      `delegate type ${String(type)} is not done here: use bridge`,
    )
  }
  const subnets = [env.subnet, env.ipv6Subnet].filter(subnet => subnet !== undefined)
  const ipam = ipamOf(config, subnets, [...env.networks, ...env.ipv6Networks])
  const filled = { mtu: env.mtu, ipMasq: !env.ipMasq, isGateway: true }
  return {
    ...config,
    type: 'bridge',
    ipam,
    raw: { ...filled, ...delegate, name: config.name, type: 'bridge', ipam: ipam.raw },
  }
}

function ipamOf(config: NetworkConfiguration, subnets: readonly string[], networks: readonly string[] = []) {
  const own = objectAt(config, 'ipam')
  const routes = Array.isArray(own['routes']) ? own['routes'] : []
  const raw = {
    ...own,
    type: 'host-local',
    ranges: subnets.map(subnet => [{ subnet: formatPrefix(parseInterfaceAddress(subnet).prefix) }]),
    routes: [...routes, ...networks.map(dst => ({ dst }))],
  }
  return { type: 'host-local', raw }
}

function objectAt(config: NetworkConfiguration, key: string): Readonly<Record<string, unknown>> {
  const value = config.raw[key]
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
}
