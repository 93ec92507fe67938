import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ConformanceCase, Needs } from '../../case.ts'
import { documentation, range, SPEC, SUBNET } from '../../configs.ts'
import { expectEqual, expectError } from '../../expect.ts'
import { addresses } from './allocation.ts'
import { leases, network } from './network.ts'

const NEEDS: Needs = { plugins: ['host-local'] }
const DOCS = documentation('host-local')

/** Several ranges, interfaces and networks. */
export const hostLocalRangeSetCases: readonly ConformanceCase[] = [
  {
    id: 'host-local.add.two-ranges',
    title: 'a set of two ranges gives one address, from the second range when the first is used up',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const ranges = [[...range('10.22.0.0/30'), ...range('10.22.1.0/30')]]
      expectEqual('addresses', await addresses(world, 2, { ranges }), ['10.22.0.2/30', '10.22.1.2/30'])
    },
  },
  {
    id: 'host-local.add.two-sets',
    title: 'two sets give an address each',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const ranges = [range(SUBNET.ipv4), range(SUBNET.ipv6)]
      expectEqual('addresses', await addresses(world, 1, { ranges }), ['10.22.0.2/24', 'fd00:22::2/64'])
    },
  },
  {
    id: 'host-local.add.one-set-exhausted',
    title: 'if one of two sets has no address left, none is taken from the other',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const ranges = [range(SUBNET.ipv4), range('10.23.0.0/30')]
      await addresses(world, 1, { ranges })
      const second = await world.attachment(network(world, { ranges }))
      expectError(await second.add())
      expectEqual('address files', leases(world), ['10.22.0.2', '10.23.0.2'])
    },
  },
  {
    id: 'host-local.add.legacy',
    title: 'subnet, rangeStart, rangeEnd and gateway without ranges mean the same',
    source: `${DOCS} (format before ranges)`,
    needs: NEEDS,
    async run(world) {
      const legacy = {
        subnet: SUBNET.ipv4,
        rangeStart: '10.22.0.50',
        rangeEnd: '10.22.0.60',
        gateway: '10.22.0.254',
      }
      const { result } = await world.attach(network(world, { ranges: undefined, ...legacy }))
      expectEqual(
        'ips',
        result.ips.map(({ address, gateway }) => [address, gateway]),
        [['10.22.0.50/24', '10.22.0.254']],
      )
    },
  },
  {
    id: 'host-local.add.routes-and-dns',
    title: 'routes, and the DNS settings of the file resolvConf, stand in the result',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const resolvConf = join(world.directory, 'resolv.conf')
      writeFileSync(resolvConf, 'nameserver 10.1.0.1\nsearch a.example b.example\noptions ndots:5\n')
      const routes = [{ dst: '0.0.0.0/0' }, { dst: '10.9.0.0/16', gw: '10.22.0.9' }]
      const { result } = await world.attach(network(world, { routes, resolvConf }))
      expectEqual(
        'routes',
        result.routes.map(({ dst, gw = '' }) => [dst, gw]),
        [
          ['0.0.0.0/0', ''],
          ['10.9.0.0/16', '10.22.0.9'],
        ],
      )
      expectEqual('nameservers', result.dns.nameservers, ['10.1.0.1'])
      expectEqual('search', result.dns.search, ['a.example', 'b.example'])
      expectEqual('options', result.dns.options, ['ndots:5'])
    },
  },
  {
    id: 'host-local.add.two-interfaces',
    title: 'two interfaces of one container have an address each; DEL gives back the one that is meant',
    source: `${DOCS}, ${SPEC.parameters}`,
    needs: NEEDS,
    async run(world) {
      const pod = await world.pod()
      const first = await world.attach(network(world), { pod, containerId: world.name })
      await world.attach(network(world), { pod, containerId: world.name, ifname: 'eth1' })
      await first.mustDel()
      expectEqual('address files', leases(world), ['10.22.0.3'])
    },
  },
  {
    id: 'host-local.add.twice',
    title: 'ADD twice for one container and interface is an error; it keeps its one address',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const first = await world.attach(network(world))
      const again = await world.attachment(network(world), first.options)
      expectError(await again.add())
      expectEqual('address files', leases(world), ['10.22.0.2'])
      again.deleted = true
    },
  },
  {
    id: 'host-local.add.networks',
    title: 'two networks with one data folder do not share their addresses',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const pod = await world.pod()
      const first = await world.attach(network(world), { pod })
      const other = { ...network(world), name: `${world.name}other` }
      const second = await world.attach(other, { pod })
      expectEqual('addresses', [first.address, second.address], ['10.22.0.2', '10.22.0.2'])
    },
  },
]
