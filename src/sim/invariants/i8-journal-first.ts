import { attachmentLinkName } from '../world/attachment-names.ts'
import type { Invariant } from './invariant.ts'

export const journalFirst: Invariant = {
  name: 'I8',
  words: 'what an ADD makes is on the disk, synced, before it is made: else a crash could leave it to nobody',
  watch(world) {
    let fault: string | undefined
    world.listeners.push({
      onKernelEvent({ machine, runtime }, event) {
        if (event.event !== 'set' || fault !== undefined) return
        const { entry, mark } = event.observed
        if (entry.kind !== 'link' || entry.type !== 'veth' || mark !== 'ours') return
        const owner = [...runtime.containers.keys()].find(id => attachmentLinkName(id) === entry.name)
        if (owner === undefined) fault = `${entry.name} on ${machine.name} belongs to no container`
        else if (!machine.disk.hasSynced(`"${owner}/eth0"`)) {
          fault = `${entry.name} on ${machine.name} was made before the intent of ${owner} was synced`
        }
      },
    })
    return { always: () => fault }
  },
}
