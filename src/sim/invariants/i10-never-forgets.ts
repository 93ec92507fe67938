import type { Agent } from '../../agent/index.ts'
import type { Invariant } from './invariant.ts'

export const neverForgets: Invariant = {
  name: 'I10',
  words: 'an agent that knows a node goes on knowing it until it is deleted',
  watch(world) {
    let fault: string | undefined
    const deleted = new Set<string>()
    const followed = new WeakSet<Agent>()
    world.truth.nodes.subscribe(changes => {
      for (const { before, after } of changes) {
        if (before !== undefined && before.metadata.uid !== after?.metadata.uid)
          deleted.add(before.metadata.uid)
      }
    })
    return {
      always() {
        for (const { machine } of world.hosts) {
          const agent = machine.current?.agent
          if (agent === undefined || followed.has(agent)) continue
          followed.add(agent)
          agent.nodes.subscribe(changes => {
            for (const { key, before, after } of changes) {
              if (before === undefined || after !== undefined || deleted.has(before.metadata.uid)) continue
              fault ??= `the agent of ${machine.name} has forgotten Node ${key}, which nobody deleted`
            }
          })
        }
        return fault
      },
    }
  },
}
