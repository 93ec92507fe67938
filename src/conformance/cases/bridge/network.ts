import { bridge, hostLocal } from '../../configs.ts'
import { observeLinks } from '../../observe.ts'
import type { World } from '../../world.ts'

const defaultRoute = [{ dst: '0.0.0.0/0' }]

export function masquerading(world: World) {
  return world.network(bridge(world, { ipMasq: true, ipam: hostLocal(world, { routes: defaultRoute }) }))
}

/** The plugin's ports of the case's bridge. */
export async function ports(world: World): Promise<string[]> {
  const links = await observeLinks(world.host.network)
  return links.filter(({ master }) => master === world.bridgeName).map(({ ifname }) => ifname)
}
