import { bridge } from '../../configs.ts'
import type { World } from '../../world.ts'

export function network(world: World, settings: Readonly<Record<string, unknown>>) {
  return world.network(bridge(world), { type: 'tuning', ...settings })
}
