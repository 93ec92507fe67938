import type { Invariant } from './invariant.ts'
import { blockOf, isFenced, livePods } from './view.ts'

export const ownBlock: Invariant = {
  name: 'I4',
  words: 'a pod’s address lies in a block its node holds now, or the node has fenced itself',
  watch: world => ({
    always() {
      if (world.wasRestored) return undefined
      for (const { machine, container, ip } of livePods(world)) {
        const holder = blockOf(world, ip)?.spec.nodeName
        if (holder === machine.nodeName || isFenced(machine)) continue
        return `${container.id} on ${machine.name} has ${ip}, whose block belongs to ${holder ?? 'nobody'}`
      }
      return undefined
    },
  }),
}
