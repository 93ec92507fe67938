import type { Machine } from '../world/machine.ts'
import type { Invariant } from './invariant.ts'
import { isFenced, livePods } from './view.ts'

export const uniqueAddresses: Invariant = {
  name: 'I1',
  words: 'no two live pods share an address',
  watch: world => ({
    always() {
      if (world.wasRestored) return undefined
      const owners = new Map<string, { machine: Machine; id: string }>()
      for (const { machine, container, ip } of livePods(world)) {
        const other = owners.get(ip)
        const here = { machine, id: container.id }
        if (other === undefined) owners.set(ip, here)
        else if (world.areTwins(machine, other.machine)) continue
        else if (other.machine === machine || !(isFenced(machine) || isFenced(other.machine))) {
          return `${ip} is the address of ${other.id} on ${other.machine.name} and of ${here.id} on ${machine.name}`
        } else if (isFenced(other.machine)) owners.set(ip, here)
      }
      return undefined
    },
  }),
}
