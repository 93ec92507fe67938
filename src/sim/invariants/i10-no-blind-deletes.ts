import { type Entry, entryKey } from '../../kernel/index.ts'
import type { Invariant } from './invariant.ts'

/** What was heard just before the line broke may still be carried out. */
const GRACE_MS = 5_000

export const noBlindDeletes: Invariant = {
  name: 'I10',
  words: 'nothing is deleted while disconnected or before the first complete list',
  watch(world) {
    let fault: string | undefined
    world.listeners.push({
      onOperation({ machine }, _process, { op, entry, why }, namespace) {
        if (op !== 'delete' || why !== 'stale' || namespace !== machine.namespace || !isOfPeers(entry)) return
        const agent = machine.current?.agent
        // A node that fences itself takes everything down, on purpose, most of all when it is disconnected.
        if (agent === undefined || agent.leaseState.state.is === 'over') return
        if (agent.synced && agent.network === undefined) return
        const cutMs = world.cutSinceMs(machine)
        if (!agent.synced)
          fault ??= `${machine.name} deletes ${entryKey(entry)} before the first complete lists`
        else if (cutMs !== undefined && world.scheduler.nowMs - cutMs > GRACE_MS) {
          fault ??= `${machine.name} deletes ${entryKey(entry)} ${world.scheduler.nowMs - cutMs} ms after it was cut off`
        }
      },
    })
    return { always: () => fault }
  },
}

function isOfPeers(entry: Entry): boolean {
  if (entry.kind === 'route') return entry.gateway !== undefined
  return (
    entry.kind === 'fdb' || entry.kind === 'neighbour' || (entry.kind === 'link' && entry.type === 'vxlan')
  )
}
