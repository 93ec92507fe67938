import { attachmentLinkName } from '../world/attachment-names.ts'
import type { Host } from '../world/world.ts'
import type { Invariant } from './invariant.ts'

/** Container of a host's end of a veth pair, by the link's name. */
function ownersOf({ runtime }: Host) {
  return new Map(
    [...runtime.containers.values()].map(container => [attachmentLinkName(container.id), container]),
  )
}

export const nothingRemains: Invariant = {
  name: 'I3',
  words:
    'after DEL nothing of an attachment remains, and nothing comes back; after GC nothing that nobody knows',
  watch: world => ({
    always() {
      for (const host of world.hosts) {
        for (const container of host.runtime.containers.values()) {
          const { id, state, removedForGood } = container
          if (state !== 'refused' && !(state === 'deleted' && removedForGood)) continue
          const name = attachmentLinkName(id)
          if (host.machine.namespace.link(name)) {
            return `${id} on ${host.machine.name} is ${state}, and ${name} is there`
          }
        }
      }
      return undefined
    },
    atRest() {
      for (const host of world.hosts) {
        const owners = ownersOf(host)
        for (const { entry } of host.machine.namespace.entries()) {
          if (entry.kind !== 'link' || entry.type !== 'veth') continue
          const owner = owners.get(entry.name)
          if (owner?.state !== 'live') {
            return `${entry.name} on ${host.machine.name} belongs to ${owner?.id ?? 'nobody'}, which is ${owner?.state ?? 'unknown'}`
          }
        }
        const agent = host.machine.listening?.agent
        for (const [key] of agent?.attached.entries() ?? []) {
          const id = key.split('/')[0] ?? ''
          const container = host.runtime.containers.get(id)
          if (container?.state !== 'live')
            return `the agent of ${host.machine.name} holds the attachment ${key}, which is deleted`
        }
      }
      return undefined
    },
  }),
}
