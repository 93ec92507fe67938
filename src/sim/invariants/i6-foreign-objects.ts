import { isDeepStrictEqual } from 'node:util'
import { entryKey } from '../../kernel/index.ts'
import type { Invariant } from './invariant.ts'

/** Kinds whose every object bears a mark of its own. */
const MARKED = new Set(['link', 'route', 'rule', 'neighbour', 'nft-table'])

export const foreignObjects: Invariant = {
  name: 'I6',
  words: 'no write touches an object without our mark',
  watch(world) {
    let fault: string | undefined
    /** When another program made an object, by machine and key. */
    const madeAtMs = new Map<string, number>()
    const { eventMs } = world.knobs.kernel
    const isNews = (name: string) =>
      world.scheduler.nowMs - (madeAtMs.get(name) ?? -Infinity) <= 2 * eventMs + 1
    world.listeners.push({
      onKernelEvent({ machine }, event) {
        if (event.event !== 'set' || event.observed.mark !== 'foreign') return
        madeAtMs.set(`${machine.name} ${entryKey(event.observed.entry)}`, world.scheduler.nowMs)
      },
      onOperation({ machine }, _process, { op, entry, why }, namespace) {
        if (namespace !== machine.namespace || !MARKED.has(entry.kind)) return
        if (op === 'adopt' || op === 'create' || why === 'evicted') return
        // Of a link of a name of ours only that it is not deleted: one that was just made anew is adopted at once.
        if (entry.kind === 'link' && op !== 'delete') return
        const found = namespace.objects.get(entryKey(entry))
        if (found?.mark !== 'foreign') return
        // It means the one before, of whose end it has not heard. Netlink has no compare-and-swap; but the real kernel
        // deletes a link by index and a route by protocol, and finds nothing.
        if (isNews(`${machine.name} ${entryKey(entry)}`)) return
        fault ??= `the agent of ${machine.name} does ${op} to ${entryKey(entry)}, which is not ours`
      },
    })
    return {
      always() {
        for (const { machine } of world.hosts) {
          for (const [key, entry] of machine.foreign.made) {
            const found = machine.namespace.objects.get(key)
            if (found?.mark !== 'foreign' || !isDeepStrictEqual(found.entry, entry)) {
              return `${key} on ${machine.name}, of another program, is not as that made it`
            }
          }
        }
        return fault
      },
    }
  },
}
