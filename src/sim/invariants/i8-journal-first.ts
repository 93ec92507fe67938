import { attachmentLinkName } from '../world/attachment-names.ts'
import type { World } from '../world/world.ts'
import type { Invariant } from './invariant.ts'

export const journalFirst: Invariant = {
  name: 'I8',
  words:
    'what an ADD makes is in the journal before it is made, and on the disk before the ADD is answered: else a crash could leave it to nobody',
  watch(world) {
    let fault: string | undefined
    world.listeners.push({
      onKernelEvent({ machine, runtime }, event) {
        if (event.event !== 'set' || fault !== undefined) return
        const { entry, mark } = event.observed
        if (entry.kind !== 'link' || entry.type !== 'veth' || mark !== 'ours') return
        const owner = [...runtime.containers.keys()].find(id => attachmentLinkName(id) === entry.name)
        if (owner === undefined) fault = `${entry.name} on ${machine.name} belongs to no container`
        else if (!machine.disk.hasWritten(recordOf(owner))) {
          fault = `${entry.name} on ${machine.name} was made before the intent of ${owner} was written`
        }
      },
    })
    return { always: () => fault ?? answeredUnsynced(world) }
  },
}

function answeredUnsynced({ hosts }: World): string | undefined {
  for (const { machine, runtime } of hosts) {
    if (!machine.on) continue
    for (const { id, state } of runtime.containers.values()) {
      if (state === 'live' && !machine.disk.hasSynced(recordOf(id))) {
        return `the ADD of ${id} on ${machine.name} was answered before its record was on the disk`
      }
    }
  }
  return undefined
}

function recordOf(id: string): string {
  return `"${id}/eth0"`
}
