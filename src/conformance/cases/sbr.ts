import type { Attachment, PluginConfig } from '../attachment.ts'
import type { ConformanceCase, Needs } from '../case.ts'
import { bridge, documentation, dualStack, GATEWAY, SPEC } from '../configs.ts'
import { expectDefined, expectEqual, expectError, expectThat } from '../expect.ts'
import { observeRoutes, observeRules } from '../observe.ts'
import type { Pod } from '../pod.ts'
import type { World } from '../world.ts'
import { checksWhole, deletesTwice, deletesWithoutNamespace, type LifeSubject } from './life.ts'
import { network } from './numbered-networks.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local', 'sbr'], kernel: ['bridge', 'veth'] }
const DOCS = documentation('sbr')

async function tableOf(pod: Pod, address: string, family: 4 | 6 = 4): Promise<string> {
  const rule = (await observeRules(pod, family)).find(({ src }) => src === address)
  return expectDefined(`a rule for packets from ${address}`, rule).table ?? 'main'
}

async function defaultGateway(pod: Pod, table: string, family: 4 | 6 = 4): Promise<string | undefined> {
  const routes = await observeRoutes(pod, family)
  return routes.find(route => route.dst === 'default' && route.table === table)?.gateway
}

/** eth0, behind which is `chained`, and eth1 with sbr, of one container. */
async function twoInterfaces(
  world: World,
  ...chained: readonly PluginConfig[]
): Promise<[Attachment, Attachment]> {
  const first = await world.attach(network(world, 0, ...chained))
  const second = await world.attach(network(world, 1, { type: 'sbr' }), { ...first.options, ifname: 'eth1' })
  return [first, second]
}

const LIFE: LifeSubject = {
  type: 'sbr',
  needs: NEEDS,
  attach: world => world.attach(network(world, 0, { type: 'sbr' })),
}

export const sbrCases: readonly ConformanceCase[] = [
  {
    id: 'sbr.add.table',
    title: 'packets from the address look into a table of their own, which has the default route',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { pod, address } = await world.attach(network(world, 0, { type: 'sbr' }))
      expectEqual(
        'gateway of the table',
        await defaultGateway(pod, await tableOf(pod, address)),
        GATEWAY.ipv4,
      )
    },
  },
  {
    id: 'sbr.add.dual-stack',
    title: 'so do packets from the IPv6 address',
    source: DOCS,
    needs: { ...NEEDS, kernel: ['bridge', 'veth', 'ipv6'] },
    async run(world) {
      const { pod, addresses } = await world.attach(
        world.network(bridge(world, { ipam: dualStack(world) }), { type: 'sbr' }),
      )
      const table = await tableOf(pod, addresses[1] ?? '', 6)
      expectEqual('gateway of the table', await defaultGateway(pod, table, 6), GATEWAY.ipv6)
    },
  },
  {
    id: 'sbr.add.second-interface',
    title: 'the default route of the first interface stays when a second one comes with sbr',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const [first, second] = await twoInterfaces(world)
      expectEqual('gateway of the main table', await defaultGateway(first.pod, 'main'), '10.22.0.1')
      const table = await tableOf(first.pod, second.address)
      expectEqual('gateway of the second table', await defaultGateway(first.pod, table), '10.23.0.1')
    },
  },
  {
    id: 'sbr.add.traffic',
    title: 'what comes in by the second interface is answered by it',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const [first, second] = await twoInterfaces(world)
      await world.serve(first.pod, 'udp', 9000)
      // Without the table the answer would leave by eth0, where nobody may answer for that address.
      await first.pod.setSysctl('net/ipv4/conf/all/rp_filter', '0')
      await world.host.network.setSysctl('net/ipv4/conf/all/rp_filter', '1')
      expectEqual('source seen', await world.visit(world.host.network, second.address, 9000), '10.23.0.1')
    },
  },
  {
    id: 'sbr.add.two-tables',
    title: 'two interfaces with sbr have two tables',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const [first, second] = await twoInterfaces(world, { type: 'sbr' })
      const tables = [await tableOf(first.pod, first.address), await tableOf(first.pod, second.address)]
      expectThat('the tables', tables[0] !== tables[1], 'two different ones', tables)
    },
  },
  {
    id: 'sbr.add.passes-result',
    title: 'the result has the addresses of the previous one',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { result } = await world.attach(network(world, 0, { type: 'sbr' }))
      expectEqual(
        'addresses',
        result.ips.map(({ address }) => address),
        ['10.22.0.2/24'],
      )
    },
  },
  {
    id: 'sbr.add.no-result',
    title: 'without prevResult it is an error: it is a plugin for chains',
    source: DOCS,
    needs: { ...NEEDS, plugins: ['sbr'] },
    async run(world) {
      const attachment = await world.attachment(world.network({ type: 'sbr' }))
      expectError(await attachment.add())
    },
  },
  {
    id: 'sbr.del.rules',
    title: 'DEL takes the rule of the second interface away and leaves that of the first',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const [first, second] = await twoInterfaces(world, { type: 'sbr' })
      await second.mustDel()
      const sources = (await observeRules(first.pod, 4)).map(({ src }) => src).filter(src => src !== 'all')
      expectEqual('sources of rules', sources, [first.address])
    },
  },
  deletesWithoutNamespace(LIFE),
  deletesTwice(LIFE),
  checksWhole({ ...LIFE, attach: world => world.attach(world.network(bridge(world), { type: 'sbr' })) }),
]
