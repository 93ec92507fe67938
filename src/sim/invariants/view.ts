import { contains, parseAddress, parsePrefix } from '../../ip/index.ts'
import type { PodBlock } from '../../model/index.ts'
import type { Container } from '../world/container.ts'
import type { Machine } from '../world/machine.ts'
import type { World } from '../world/world.ts'

/** True if the machine has taken its part of the overlay down, so that nothing here answers to the cluster. */
export function isFenced({ namespace }: Machine): boolean {
  for (const { entry, mark } of namespace.entries()) {
    if (mark !== 'ours') continue
    if (entry.kind === 'link' && entry.type === 'vxlan') return false
    if (entry.kind === 'route' && entry.gateway !== undefined) return false
  }
  return true
}

/** Of a node that takes part in the overlay: who can be mistaken for another. */
export function* livePods(world: World): Iterable<{ machine: Machine; container: Container; ip: string }> {
  for (const { machine, runtime } of world.hosts) {
    for (const container of runtime.live()) {
      for (const ip of container.ips) yield { machine, container, ip }
    }
  }
}

/** The block that an address lies in, as the store has it now. */
export function blockOf(world: World, ip: string): PodBlock | undefined {
  const address = parseAddress(ip)
  for (const [, block] of world.truth.blocks.entries()) {
    if (contains(parsePrefix(block.spec.cidr), address)) return block
  }
  return undefined
}
