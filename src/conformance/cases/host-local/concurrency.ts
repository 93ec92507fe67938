import type { Attachment } from '../../attachment.ts'
import type { ConformanceCase, Needs } from '../../case.ts'
import { documentation, range, SUBNET } from '../../configs.ts'
import { expectEqual, expectError, expectSuccess } from '../../expect.ts'
import { leases, network } from './network.ts'

const NEEDS: Needs = { plugins: ['host-local'] }
const DOCS = documentation('host-local')

/** Several calls at once. */
export const hostLocalConcurrencyCases: readonly ConformanceCase[] = [
  {
    id: 'host-local.concurrency.unique',
    title: 'eight ADDs at once: eight different addresses',
    source: `${DOCS}: "the lock"`,
    needs: NEEDS,
    async run(world) {
      const pod = await world.pod()
      const attachments: Attachment[] = []
      for (let index = 0; index < 8; index += 1)
        attachments.push(await world.attachment(network(world), { pod }))
      for (const reply of await Promise.all(attachments.map(one => one.add()))) expectSuccess(reply)
      const unique = new Set(attachments.map(({ address }) => address))
      expectEqual('different addresses', unique.size, 8)
      for (const reply of await Promise.all(attachments.map(one => one.del()))) expectSuccess(reply)
      expectEqual('address files', leases(world), [])
    },
  },
  {
    id: 'host-local.concurrency.same-container',
    title: 'two ADDs at once for one container and interface: one succeeds, one address is held',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const first = await world.attachment(network(world))
      const second = await world.attachment(network(world), first.options)
      const replies = await Promise.all([first.add(), second.add()])
      expectEqual('successes', replies.filter(({ succeeded }) => succeeded).length, 1)
      expectEqual('address files', leases(world).length, 1)
    },
  },
  {
    id: 'host-local.concurrency.last-address',
    title: 'four ADDs at once for the last two addresses: two succeed',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const ranges = [range(SUBNET.ipv4, { rangeStart: '10.22.0.5', rangeEnd: '10.22.0.6' })]
      const pod = await world.pod()
      const attachments: Attachment[] = []
      for (let index = 0; index < 4; index += 1)
        attachments.push(await world.attachment(network(world, { ranges }), { pod }))
      const replies = await Promise.all(attachments.map(one => one.add()))
      expectEqual('successes', replies.filter(({ succeeded }) => succeeded).length, 2)
      for (const reply of replies.filter(({ succeeded }) => !succeeded)) expectError(reply)
    },
  },
]
