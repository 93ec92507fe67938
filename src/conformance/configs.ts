import type { PluginConfig } from './attachment.ts'
import type { World } from './world.ts'

/** Pods' addresses in all cases that do not choose their own. */
export const SUBNET = { ipv4: '10.22.0.0/24', ipv6: 'fd00:22::/64' } as const
export const GATEWAY = { ipv4: '10.22.0.1', ipv6: 'fd00:22::1' } as const

type Extra = Readonly<Record<string, unknown>>

/** One range set of one range. */
export function range(subnet: string, extra: Extra = {}): object[] {
  return [{ subnet, ...extra }]
}

/** Addresses from host-local, one of IPv4. */
export function hostLocal(world: World, extra: Extra = {}): PluginConfig {
  return { type: 'host-local', ranges: [range(SUBNET.ipv4)], dataDir: world.dataDir, ...extra }
}

/** One address of each family, and a default route for each. */
export function dualStack(world: World): PluginConfig {
  return hostLocal(world, {
    ranges: [range(SUBNET.ipv4), range(SUBNET.ipv6)],
    routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
  })
}

/** A bridge of the case's own that is the gateway. */
export function bridge(world: World, extra: Extra = {}): PluginConfig {
  return { type: 'bridge', bridge: world.bridgeName, isGateway: true, ipam: hostLocal(world), ...extra }
}

export function ptp(world: World, extra: Extra = {}): PluginConfig {
  return { type: 'ptp', ipam: hostLocal(world, { routes: [{ dst: '0.0.0.0/0' }] }), ...extra }
}

/** Where demands come from. */
export const SPEC = {
  parameters: 'SPEC 1.1.0 section 2 "Parameters"',
  errors: 'SPEC 1.1.0 section 2 "Errors", section 5 "Error"',
  configuration: 'SPEC 1.1.0 section 1 "Configuration format"',
  add: 'SPEC 1.1.0 section 2 "ADD"',
  del: 'SPEC 1.1.0 section 2 "DEL"',
  check: 'SPEC 1.1.0 section 2 "CHECK"',
  gc: 'SPEC 1.1.0 section 2 "GC"',
  status: 'SPEC 1.1.0 section 2 "STATUS"',
  version: 'SPEC 1.1.0 section 2 "VERSION"',
  derive: 'SPEC 1.1.0 section 3 "Deriving request configuration from plugin configuration"',
  delegate: 'SPEC 1.1.0 section 4 "Plugin Delegation"',
  result: 'SPEC 1.1.0 section 5 "ADD Success"',
} as const

/** A demand of this suite: the specification leaves it to the DEL that a runtime sends after a failure. */
export const ALL_OR_NOTHING = 'this suite: an ADD that fails leaves nothing, whether DEL follows or not'

/** The documentation of a plugin of containernetworking/plugins. */
export function documentation(plugin: string): string {
  return `containernetworking/plugins documentation, "${plugin}"`
}

/** A report of an issue tracker. */
export function issue(repository: 'cni' | 'plugins', number: number): string {
  return `containernetworking/${repository}#${number}`
}
