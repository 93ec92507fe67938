import type { KernelEvent } from '../../../src/kernel/index.ts'
import { EventFold } from '../../../src/kernel/netlink/event-fold.ts'
import { LinkTable } from '../../../src/kernel/netlink/link-table.ts'
import { NftEvents } from '../../../src/kernel/netlink/nft-events.ts'
import { decodeLink, parseEvents } from '../../../src/netlink/index.ts'
import { target } from '../engine/target.ts'
import { messageOf, recorded } from './messages.ts'

/** Multicast messages on their way to entries. */

const links = recorded('link')
const named = links
  .filter(message => messageOf(message).type === 16)
  .slice(0, 3)
  .map(message => decodeLink(messageOf(message)))
const events = ['link', 'address', 'route', 'rule', 'neighbour', 'fdb', 'traffic-control'].flatMap(recorded)

export const kernelTargets = [
  target({
    name: 'kernel.route-events',
    form: 'bytes',
    errors: ['netlink.malformed'],
    seeds: [...events, Buffer.concat(events.slice(0, 20))],
    decode: async input => {
      const told: KernelEvent[] = []
      const table = new LinkTable()
      table.reset(named)
      const rereads = await new EventFold(table, event => told.push(event)).fold(parseEvents([input]))
      return { told, rereads }
    },
  }),
  target({
    name: 'kernel.nft-events',
    form: 'bytes',
    errors: ['netlink.malformed'],
    seeds: [Buffer.concat(recorded('nftables').slice(0, 6))],
    decode: input => new NftEvents(() => 1).fold(parseEvents([input])),
  }),
]
