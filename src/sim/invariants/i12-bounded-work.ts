import type { Invariant } from './invariant.ts'

/** Entries of one peer, and as many again in case its news comes in two parts. */
const MOST_OPERATIONS = 6

export const boundedWork: Invariant = {
  name: 'I12',
  words:
    'a node that joins is known everywhere within seconds, by operations that do not grow with the cluster',
  watch(world) {
    const counts = new Map<string, number>()
    let probing = false
    world.listeners.push({
      onOperation({ machine }) {
        if (probing) counts.set(machine.name, (counts.get(machine.name) ?? 0) + 1)
      },
    })
    return {
      probe() {
        probing = true
        void world.people.addStranger(world.knobs)
      },
      verdict() {
        probing = false
        const deaf = world.hosts.find(
          ({ machine }) => machine.listening?.agent?.nodes.get('stranger') === undefined,
        )
        if (deaf !== undefined) return `the agent of ${deaf.machine.name} does not know the node that joined`
        for (const [name, count] of counts) {
          if (count > MOST_OPERATIONS)
            return `a node joined, and the agent of ${name} did ${count} operations`
        }
        return undefined
      },
    }
  },
}
