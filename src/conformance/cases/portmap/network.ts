import { bridge, hostLocal } from '../../configs.ts'
import type { AttachOptions, World } from '../../world.ts'

/** A bridge with masquerading, and portmap behind it. */
export function network(
  world: World,
  extra: Readonly<Record<string, unknown>> = {},
  ipam = hostLocal(world, { routes: [{ dst: '0.0.0.0/0' }] }),
) {
  return world.network(bridge(world, { ipMasq: true, ipam }), {
    type: 'portmap',
    capabilities: { portMappings: true },
    ...extra,
  })
}

export interface Mapping {
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: string
  readonly hostIP?: string
}

export function mapped(...portMappings: readonly Mapping[]): AttachOptions {
  return { capabilityArgs: { portMappings } }
}

export const TCP: Mapping = { hostPort: 8080, containerPort: 80, protocol: 'tcp' }
export const UDP: Mapping = { hostPort: 8053, containerPort: 53, protocol: 'udp' }
