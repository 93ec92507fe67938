import type { PluginConfig } from '../attachment.ts'
import { bridge, hostLocal, range } from '../configs.ts'
import type { World } from '../world.ts'

const defaultRoute = [{ dst: '0.0.0.0/0' }]

/** Networks of the case on bridges of their own: 10.22.0.0/24, 10.23.0.0/24 ... */
export function network(world: World, index: number, ...chained: readonly PluginConfig[]) {
  const ipam = hostLocal(world, { ranges: [range(`10.${22 + index}.0.0/24`)], routes: defaultRoute })
  const first = bridge(world, { bridge: `${world.bridgeName}${index}`, ipam })
  return { ...world.network(first, ...chained), name: `${world.name}net${index}` }
}
