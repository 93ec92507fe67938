import { cniError, IDENTIFIER, type NetworkConfiguration, PLUGIN_TYPES } from '../../cni/index.ts'
import { formatPrefix, parseInterfaceAddress } from '../../ip/index.ts'
import { parseSubnetEnv, type SubnetEnv } from '../../overlay/index.ts'
import type { Holder } from '../addresses/source.ts'
import type { Wiring } from '../attachments/record.ts'
import { type Call, holderOf } from '../call.ts'
import { attachByForeign, type ForeignDelegate, foreignDelegate } from './foreign-delegate.ts'
import type { Plugin } from './plugin.ts'

export interface FlannelPluginOptions {
  /** What may be the `type` of `delegate`. */
  readonly plugins: ReadonlyMap<string, Plugin>
  /** Reads the file that the node's network daemon writes; throws if there is none. */
  readonly readSubnetFile: (file: string) => string
  /** The file is this agent's own; without a pod network of its own it is that of another daemon. */
  readonly usesBlocks: boolean
  readonly wiringOf: (holder: Holder) => Wiring | undefined
}

const DEFAULT_SUBNET_FILE = '/run/flannel/subnet.env'

/**
 * flannel's CNI plugin: writes the configuration of a `bridge` (or what `delegate` names) with `host-local` addresses
 * from subnet.env, and has that carried out.
 */
export function flannelPlugin(options: FlannelPluginOptions): Plugin {
  const { plugins, readSubnetFile, usesBlocks } = options
  const typeOf = (call: Call) => delegateTypeOf(call.config, plugins)
  return {
    usesBlocks,
    isChained: false,
    prepare: async (call, pod, begin) => {
      const plugin = plugins.get(typeOf(call))
      const config = delegateConfig(call.config, readSubnetEnv(call.config, readSubnetFile))
      if (plugin !== undefined) return plugin.prepare({ ...call, config }, pod, begin)
      return attachByForeign({ plugin: config.type, config: config.raw }, call, pod, begin)
    },
    addresses: call => plugins.get(typeOf(call))?.addresses(withoutSubnets(call)),
    delegated: call => {
      const delegate = knownDelegate(call, options)
      return delegate && foreignDelegate(delegate, call)
    },
  }
}

/** The plugin of somebody else that made the interface, or would make it; undefined if it is one of ours. */
function knownDelegate(call: Call, options: FlannelPluginOptions): ForeignDelegate | undefined {
  const kept = options.wiringOf(holderOf(call))
  if (kept !== undefined) return kept.plan === 'foreign' ? kept.spec : undefined
  if (options.plugins.has(delegateTypeOf(call.config, options.plugins))) return undefined
  try {
    const { type, raw } = delegateConfig(call.config, readSubnetEnv(call.config, options.readSubnetFile))
    return { plugin: type, config: raw }
  } catch (error) {
    if (call.parameters.command === 'STATUS') throw error
    // Nobody knows what it would have to be told, and it made nothing that we know of.
    return undefined
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

/** Throws `cni.unsupported-field` for a type of ours that makes no interface with addresses, such as `tuning`. */
function delegateTypeOf(config: NetworkConfiguration, plugins: ReadonlyMap<string, Plugin>): string {
  const type = objectAt(config, 'delegate')['type'] ?? 'bridge'
  if (typeof type === 'string' && (plugins.has(type) || isForeign(type))) return type
  throw cniError(
    'unsupported-field',
    `read network ${config.name}`,
    `delegate type ${JSON.stringify(type)} cannot be: use one of ${[...plugins.keys()].join(', ')}, or a plugin of somebody else`,
  )
}

function isForeign(type: string): boolean {
  return IDENTIFIER.test(type) && !PLUGIN_TYPES.some(own => own === type)
}

/** What flannel's plugin would hand to the other one (its `delegate` wins over what it fills in). */
function delegateConfig(config: NetworkConfiguration, env: SubnetEnv): NetworkConfiguration {
  const delegate = objectAt(config, 'delegate')
  const type = String(delegate['type'] ?? 'bridge')
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
