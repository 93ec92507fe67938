import { cniError, type NetworkConfiguration } from '../../cni/index.ts'
import { formatPrefix, parseInterfaceAddress } from '../../ip/index.ts'
import { parseSubnetEnv, type SubnetEnv } from '../../overlay/index.ts'
import type { Call } from '../call.ts'
import type { Plugin } from './plugin.ts'

export interface FlannelPluginOptions {
  /** What may be the `type` of `delegate`. */
  readonly plugins: ReadonlyMap<string, Plugin>
  /** Reads the file that the node's network daemon writes; throws if there is none. */
  readonly readSubnetFile: (file: string) => string
  /** The file is this agent's own; without a pod network of its own it is that of another daemon. */
  readonly usesBlocks: boolean
}

const DEFAULT_SUBNET_FILE = '/run/flannel/subnet.env'

/**
 * flannel's CNI plugin: writes the configuration of a `bridge` (or what `delegate` names) with `host-local` addresses
 * from subnet.env, and has that carried out.
 */
export function flannelPlugin({ plugins, readSubnetFile, usesBlocks }: FlannelPluginOptions): Plugin {
  return {
    usesBlocks,
    isChained: false,
    prepare: async (call, pod, begin) => {
      const plugin = delegateOf(call.config, plugins)
      const config = delegateConfig(call.config, readSubnetEnv(call.config, readSubnetFile))
      return plugin.prepare({ ...call, config }, pod, begin)
    },
    addresses: call => delegateOf(call.config, plugins).addresses(withoutSubnets(call)),
    delegated: () => undefined,
  }
}

/** The store of addresses is found by data directory and network name alone: a missing subnet.env does not hinder DEL. */
function withoutSubnets(call: Call): Call {
  return { ...call, config: { ...call.config, ipam: ipamOf(call.config, []) } }
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

function delegateTypeOf(config: NetworkConfiguration): unknown {
  return objectAt(config, 'delegate')['type'] ?? 'bridge'
}

function delegateOf(config: NetworkConfiguration, plugins: ReadonlyMap<string, Plugin>): Plugin {
  const type = delegateTypeOf(config)
  const plugin = typeof type === 'string' ? plugins.get(type) : undefined
  if (plugin !== undefined) return plugin
  throw cniError(
    'unsupported-field',
    `read network ${config.name}`,
    `delegate type ${JSON.stringify(type)} is not done here: use one of ${[...plugins.keys()].join(', ')}`,
  )
}

/** What flannel's plugin would hand to the other one (its `delegate` wins over what it fills in). */
function delegateConfig(config: NetworkConfiguration, env: SubnetEnv): NetworkConfiguration {
  const delegate = objectAt(config, 'delegate')
  const type = String(delegateTypeOf(config))
  const subnets = [env.subnet, env.ipv6Subnet].filter(subnet => subnet !== undefined)
  const ipam = ipamOf(config, subnets, [...env.networks, ...env.ipv6Networks])
  const filled = { mtu: env.mtu, ipMasq: !env.ipMasq, ...(type === 'bridge' ? { isGateway: true } : {}) }
  return {
    ...config,
    type,
    ipam,
    raw: { ...filled, ...delegate, name: config.name, type, ipam: ipam.raw },
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
