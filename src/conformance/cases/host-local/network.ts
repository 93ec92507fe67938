import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { PluginConfig } from '../../attachment.ts'
import { hostLocal } from '../../configs.ts'
import type { World } from '../../world.ts'

/** host-local as the plugin of a network of its own: its configuration lies under `ipam` then, too. */
export function addressNetwork(
  world: World,
  ipam: PluginConfig,
  extra: Readonly<Record<string, unknown>> = {},
) {
  return world.network({ type: ipam.type, ipam, ...extra })
}

export function network(world: World, extra: Readonly<Record<string, unknown>> = {}) {
  return addressNetwork(world, hostLocal(world, extra))
}

export function leases(world: World): string[] {
  const folder = join(world.dataDir, `${world.name}net`)
  const names = existsSync(folder) ? readdirSync(folder) : []
  return names.filter(name => /^[\d.]+$|:/.test(name)).sort()
}
