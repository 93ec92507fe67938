import type { Attachment } from '../../attachment.ts'
import type { ConformanceCase, Needs } from '../../case.ts'
import { documentation, range, SUBNET } from '../../configs.ts'
import { expectEqual, expectError } from '../../expect.ts'
import type { World } from '../../world.ts'
import { leases, network } from './network.ts'

const NEEDS: Needs = { plugins: ['host-local'] }
const DOCS = documentation('host-local')

/** ADD for so many containers in one namespace that nothing is done in; their addresses with prefix. */
export async function addresses(
  world: World,
  count: number,
  extra: Readonly<Record<string, unknown>> = {},
): Promise<string[]> {
  const pod = await world.pod()
  const found: string[] = []
  for (let index = 0; index < count; index += 1) {
    const { result } = await world.attach(network(world, extra), { pod })
    found.push(...result.ips.map(({ address }) => address))
  }
  return found
}

/** Which address is given. */
export const hostLocalAllocationCases: readonly ConformanceCase[] = [
  {
    id: 'host-local.add.first',
    title: 'the first address is the second of the subnet: the first one is the gateway',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { result } = await world.attach(network(world))
      expectEqual(
        'ips',
        result.ips.map(({ address, gateway }) => [address, gateway]),
        [['10.22.0.2/24', '10.22.0.1']],
      )
    },
  },
  {
    id: 'host-local.add.sequence',
    title: 'addresses are given one after the other, also after one was given back',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const pod = await world.pod()
      const first = await world.attach(network(world), { pod })
      await first.mustDel()
      const second = await world.attach(network(world), { pod })
      expectEqual('the address after 10.22.0.2 was given back', second.address, '10.22.0.3')
    },
  },
  {
    id: 'host-local.add.exhausted',
    title: 'a /29 has five addresses for containers; the sixth ADD is an error',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const ranges = [range('10.22.0.0/29')]
      const given = await addresses(world, 5, { ranges })
      expectEqual(
        'addresses',
        given,
        [2, 3, 4, 5, 6].map(last => `10.22.0.${last}/29`),
      )
      const sixth = await world.attachment(network(world, { ranges }))
      expectError(await sixth.add())
      expectEqual('address files', leases(world).length, 5)
    },
  },
  {
    id: 'host-local.add.wrap',
    title: 'after the last address of the range the search goes on at its beginning',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const ranges = [range('10.22.0.0/29')]
      const pod = await world.pod()
      const held: Attachment[] = []
      for (let index = 0; index < 5; index += 1)
        held.push(await world.attach(network(world, { ranges }), { pod }))
      await held[1]?.mustDel()
      const next = await world.attach(network(world, { ranges }), { pod })
      expectEqual('the address', next.address, '10.22.0.3')
    },
  },
  {
    id: 'host-local.add.range',
    title: 'rangeStart and rangeEnd bound what is given, both included',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const ranges = [range(SUBNET.ipv4, { rangeStart: '10.22.0.100', rangeEnd: '10.22.0.101' })]
      expectEqual('addresses', await addresses(world, 2, { ranges }), ['10.22.0.100/24', '10.22.0.101/24'])
      const third = await world.attachment(network(world, { ranges }))
      expectError(await third.add())
    },
  },
  {
    id: 'host-local.add.gateway',
    title: 'a gateway of the configuration stands in the result and is not given away',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const ranges = [range('10.22.0.0/30', { gateway: '10.22.0.2' })]
      const { result } = await world.attach(network(world, { ranges }))
      expectEqual(
        'ips',
        result.ips.map(({ address, gateway }) => [address, gateway]),
        [['10.22.0.1/30', '10.22.0.2']],
      )
    },
  },
]
