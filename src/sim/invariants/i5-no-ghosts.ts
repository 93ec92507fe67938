import { entryKey } from '../../kernel/index.ts'
import type { World } from '../world/world.ts'
import type { Invariant } from './invariant.ts'

export const noGhosts: Invariant = {
  name: 'I5',
  words: 'nothing points at a node that left, within T after healing',
  watch: world => ({
    atRest() {
      const blocks = podCidrs(world)
      const addresses = nodeAddresses(world)
      for (const { machine } of world.hosts) {
        for (const { entry, mark } of machine.namespace.entries()) {
          const isGhost =
            (entry.kind === 'route' &&
              mark === 'ours' &&
              entry.gateway !== undefined &&
              !blocks.has(entry.dst)) ||
            (entry.kind === 'fdb' && !addresses.has(entry.dst))
          if (isGhost) return `${machine.name} has ${entryKey(entry)}, which belongs to no Node there is`
        }
      }
      return undefined
    },
  }),
}

function podCidrs({ truth }: World): Set<string> {
  return new Set(Array.from(truth.nodes.entries(), ([, node]) => node.spec.podCIDRs ?? []).flat())
}

function nodeAddresses({ truth }: World): Set<string> {
  const addresses = new Set<string>()
  for (const [, { status, metadata }] of truth.nodes.entries()) {
    for (const { address } of status.addresses ?? []) addresses.add(address)
    // As its agent told last, which may be cut off by now.
    addresses.add(metadata.annotations?.['flannel.alpha.coreos.com/public-ip'] ?? '')
  }
  return addresses
}
