import type { ConformanceCase, Needs } from '../case.ts'
import { bridge, documentation, dualStack, SPEC } from '../configs.ts'
import { expectDefined, expectEqual, expectError, expectThat } from '../expect.ts'
import { addressesOf, observeLink, observeLinks, observeRoutes } from '../observe.ts'
import { deletesWithoutNamespace } from './life.ts'
import { network } from './numbered-networks.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local', 'vrf'], kernel: ['bridge', 'veth', 'vrf'] }
const DOCS = documentation('vrf')

const VRF_PLUGIN = { type: 'vrf', vrfname: 'blue' } as const

export const vrfCases: readonly ConformanceCase[] = [
  {
    id: 'vrf.add.member',
    title: 'the interface belongs to the VRF, and keeps its address',
    source: DOCS,
    needs: NEEDS,
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
    source: DOCS,
    needs: { ...NEEDS, kernel: ['bridge', 'veth', 'vrf', 'ipv6'] },
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
    source: DOCS,
    needs: NEEDS,
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
    source: DOCS,
    needs: NEEDS,
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
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { pod } = await world.attach(network(world, 0, { ...VRF_PLUGIN, table: 1234 }))
      const device = await observeLink(pod, 'blue')
      expectEqual('table', device?.linkinfo?.info_data['table'], 1234)
    },
  },
  {
    id: 'vrf.add.other-table',
    title: 'a VRF that has another table is an error',
    source: DOCS,
    needs: NEEDS,
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
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attachment(network(world, 0, { type: 'vrf' }))
      expectError(await attachment.add())
    },
  },
  deletesWithoutNamespace({
    type: 'vrf',
    needs: NEEDS,
    attach: world => world.attach(network(world, 0, VRF_PLUGIN)),
  }),
  {
    id: 'vrf.check.member',
    title: 'CHECK succeeds, and is an error when the interface has left the VRF',
    source: SPEC.check,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world), VRF_PLUGIN))
      await attachment.mustCheck()
      await attachment.pod.ip('link set eth0 nomaster')
      expectError(await attachment.check())
    },
  },
]
