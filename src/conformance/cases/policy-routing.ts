import type { PluginConfig } from '../attachment.ts'
import type { ConformanceCase, Needs } from '../case.ts'
import { bridge, documentation, dualStack, GATEWAY, hostLocal, range, SPEC } from '../configs.ts'
import { expectDefined, expectEqual, expectError, expectThat } from '../expect.ts'
import { addressesOf, observeLink, observeLinks, observeRoutes, observeRules } from '../observe.ts'
import type { Pod } from '../pod.ts'
import type { World } from '../world.ts'

const SBR: Needs = { plugins: ['bridge', 'host-local', 'sbr'], kernel: ['bridge', 'veth'] }
const VRF: Needs = { plugins: ['bridge', 'host-local', 'vrf'], kernel: ['bridge', 'veth', 'vrf'] }
const SBR_DOCS = documentation('sbr')
const VRF_DOCS = documentation('vrf')
const defaultRoute = [{ dst: '0.0.0.0/0' }]

/** Networks of the case on bridges of their own: 10.22.0.0/24, 10.23.0.0/24 ... */
function network(world: World, index: number, ...chained: readonly PluginConfig[]) {
  const ipam = hostLocal(world, { ranges: [range(`10.${22 + index}.0.0/24`)], routes: defaultRoute })
  const first = bridge(world, { bridge: `${world.bridgeName}${index}`, ipam })
  return { ...world.network(first, ...chained), name: `${world.name}net${index}` }
}

async function tableOf(pod: Pod, address: string, family: 4 | 6 = 4): Promise<string> {
  const rule = (await observeRules(pod, family)).find(({ src }) => src === address)
  return expectDefined(`a rule for packets from ${address}`, rule).table ?? 'main'
}

async function defaultGateway(pod: Pod, table: string, family: 4 | 6 = 4): Promise<string | undefined> {
  const routes = await observeRoutes(pod, family)
  return routes.find(route => route.dst === 'default' && route.table === table)?.gateway
}

const sbr: readonly ConformanceCase[] = [
  {
    id: 'sbr.add.table',
    title: 'packets from the address look into a table of their own, which has the default route',
    source: SBR_DOCS,
    needs: SBR,
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
    source: SBR_DOCS,
    needs: { ...SBR, kernel: ['bridge', 'veth', 'ipv6'] },
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
    source: SBR_DOCS,
    needs: SBR,
    async run(world) {
      const first = await world.attach(network(world, 0))
      const second = await world.attach(network(world, 1, { type: 'sbr' }), {
        ...first.options,
        ifname: 'eth1',
      })
      expectEqual('gateway of the main table', await defaultGateway(first.pod, 'main'), '10.22.0.1')
      const table = await tableOf(first.pod, second.address)
      expectEqual('gateway of the second table', await defaultGateway(first.pod, table), '10.23.0.1')
    },
  },
  {
    id: 'sbr.add.traffic',
    title: 'what comes in by the second interface is answered by it',
    source: SBR_DOCS,
    needs: SBR,
    async run(world) {
      const first = await world.attach(network(world, 0))
      const second = await world.attach(network(world, 1, { type: 'sbr' }), {
        ...first.options,
        ifname: 'eth1',
      })
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
    source: SBR_DOCS,
    needs: SBR,
    async run(world) {
      const first = await world.attach(network(world, 0, { type: 'sbr' }))
      const second = await world.attach(network(world, 1, { type: 'sbr' }), {
        ...first.options,
        ifname: 'eth1',
      })
      const tables = [await tableOf(first.pod, first.address), await tableOf(first.pod, second.address)]
      expectThat('the tables', tables[0] !== tables[1], 'two different ones', tables)
    },
  },
  {
    id: 'sbr.add.passes-result',
    title: 'the result has the addresses of the previous one',
    source: SBR_DOCS,
    needs: SBR,
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
    source: SBR_DOCS,
    needs: { ...SBR, plugins: ['sbr'] },
    async run(world) {
      const attachment = await world.attachment(world.network({ type: 'sbr' }))
      expectError(await attachment.add())
    },
  },
  {
    id: 'sbr.del.rules',
    title: 'DEL takes the rule of the second interface away and leaves that of the first',
    source: SPEC.del,
    needs: SBR,
    async run(world) {
      const first = await world.attach(network(world, 0, { type: 'sbr' }))
      const second = await world.attach(network(world, 1, { type: 'sbr' }), {
        ...first.options,
        ifname: 'eth1',
      })
      await second.mustDel()
      const sources = (await observeRules(first.pod, 4)).map(({ src }) => src).filter(src => src !== 'all')
      expectEqual('sources of rules', sources, [first.address])
    },
  },
  {
    id: 'sbr.del.no-namespace',
    title: 'DEL after the namespace has gone succeeds',
    source: SPEC.del,
    needs: SBR,
    async run(world) {
      const attachment = await world.attach(network(world, 0, { type: 'sbr' }))
      await attachment.pod.remove()
      await attachment.mustDel()
    },
  },
  {
    id: 'sbr.del.twice',
    title: 'DEL twice: both succeed',
    source: SPEC.del,
    needs: SBR,
    async run(world) {
      const attachment = await world.attach(network(world, 0, { type: 'sbr' }))
      await attachment.mustDel()
      await attachment.mustDel()
    },
  },
  {
    id: 'sbr.check.whole',
    title: 'CHECK of an attachment as ADD left it succeeds',
    source: SPEC.check,
    needs: SBR,
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world), { type: 'sbr' }))
      await attachment.mustCheck()
    },
  },
]

const VRF_PLUGIN = { type: 'vrf', vrfname: 'blue' } as const

const vrf: readonly ConformanceCase[] = [
  {
    id: 'vrf.add.member',
    title: 'the interface belongs to the VRF, and keeps its address',
    source: VRF_DOCS,
    needs: VRF,
    async run(world) {
      const { pod, result } = await world.attach(network(world, 0, VRF_PLUGIN))
      const link = expectDefined('eth0 in the container', await observeLink(pod, 'eth0'))
      expectEqual('master', link.master, 'blue')
      expectEqual('addresses', addressesOf(link), [result.ips[0]?.address])
    },
  },
  {
    id: 'vrf.add.ipv6',
    title: 'it keeps its IPv6 address, too',
    source: VRF_DOCS,
    needs: { ...VRF, kernel: ['bridge', 'veth', 'vrf', 'ipv6'] },
    async run(world) {
      const { pod, result } = await world.attach(
        world.network(bridge(world, { ipam: dualStack(world) }), VRF_PLUGIN),
      )
      const link = await observeLink(pod, 'eth0')
      expectEqual(
        'addresses',
        addressesOf(link),
        result.ips.map(({ address }) => address),
      )
    },
  },
  {
    id: 'vrf.add.routes',
    title: 'its routes are in the table of the VRF',
    source: VRF_DOCS,
    needs: VRF,
    async run(world) {
      const { pod } = await world.attach(network(world, 0, VRF_PLUGIN))
      const device = await observeLink(pod, 'blue')
      const table = String(device?.linkinfo?.info_data['table'])
      const routes = (await observeRoutes(pod, 4)).filter(
        route => route.table === table || route.table === 'blue',
      )
      expectThat(
        'destinations',
        routes.some(({ dst }) => dst === '10.22.0.0/24'),
        '10.22.0.0/24 among them',
        routes,
      )
    },
  },
  {
    id: 'vrf.add.shared',
    title: 'two interfaces can share a VRF, which goes with the last of them',
    source: VRF_DOCS,
    needs: VRF,
    async run(world) {
      const first = await world.attach(network(world, 0, VRF_PLUGIN))
      const second = await world.attach(network(world, 1, VRF_PLUGIN), { ...first.options, ifname: 'eth1' })
      const has = async () => (await observeLinks(first.pod)).some(({ ifname }) => ifname === 'blue')
      await second.mustDel()
      expectEqual('the VRF after the first DEL', await has(), true)
      await first.mustDel()
      expectEqual('the VRF after the last DEL', await has(), false)
    },
  },
  {
    id: 'vrf.add.table',
    title: 'table: the VRF has it',
    source: VRF_DOCS,
    needs: VRF,
    async run(world) {
      const { pod } = await world.attach(network(world, 0, { ...VRF_PLUGIN, table: 1234 }))
      const device = await observeLink(pod, 'blue')
      expectEqual('table', device?.linkinfo?.info_data['table'], 1234)
    },
  },
  {
    id: 'vrf.add.other-table',
    title: 'a VRF that has another table is an error',
    source: VRF_DOCS,
    needs: VRF,
    async run(world) {
      const first = await world.attach(network(world, 0, { ...VRF_PLUGIN, table: 1234 }))
      const second = await world.attachment(network(world, 1, { ...VRF_PLUGIN, table: 1235 }), {
        ...first.options,
        ifname: 'eth1',
      })
      expectError(await second.add())
    },
  },
  {
    id: 'vrf.add.no-name',
    title: 'without vrfname it is an error',
    source: VRF_DOCS,
    needs: { ...VRF, kernel: ['bridge', 'veth'] },
    async run(world) {
      const attachment = await world.attachment(network(world, 0, { type: 'vrf' }))
      expectError(await attachment.add())
    },
  },
  {
    id: 'vrf.del.no-namespace',
    title: 'DEL after the namespace has gone succeeds',
    source: SPEC.del,
    needs: VRF,
    async run(world) {
      const attachment = await world.attach(network(world, 0, VRF_PLUGIN))
      await attachment.pod.remove()
      await attachment.mustDel()
    },
  },
  {
    id: 'vrf.check.member',
    title: 'CHECK succeeds, and is an error when the interface has left the VRF',
    source: SPEC.check,
    needs: VRF,
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world), VRF_PLUGIN))
      await attachment.mustCheck()
      await attachment.pod.ip('link set eth0 nomaster')
      expectError(await attachment.check())
    },
  },
]

export const policyRoutingCases: readonly ConformanceCase[] = [...sbr, ...vrf]
