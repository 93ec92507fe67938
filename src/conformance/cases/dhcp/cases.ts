import { addressToBytes, parseAddress } from '../../../ip/index.ts'
import { DHCP_OPTION } from '../../../packet/index.ts'
import type { ConformanceCase, Needs } from '../../case.ts'
import { bridge, documentation, GATEWAY, SPEC } from '../../configs.ts'
import { clientOf } from '../../dhcp-server.ts'
import { eventually, expectEqual, expectError, expectThat } from '../../expect.ts'
import { addressesOf, observeLink, observeRoutes } from '../../observe.ts'
import { Served, servedBridge } from './network.ts'

const NEEDS: Needs = { plugins: ['dhcp'], kernel: ['bridge', 'veth'] }
const DOCS = documentation('dhcp')

const ROUTER = new Map([[DHCP_OPTION.routers, addressToBytes(parseAddress(GATEWAY.ipv4))]])
/** 10.99.0.0/16 by 10.22.0.7 (RFC 3442). */
const CLASSLESS = new Map([[DHCP_OPTION.classlessRoutes, Uint8Array.of(16, 10, 99, 10, 22, 0, 7)]])

/** The address management, with a server of the suite. */
export const dhcpCases: readonly ConformanceCase[] = [
  {
    id: 'dhcp.add.address',
    title: 'the result has the address that the server gave, with its mask, and the router as gateway',
    source: DOCS,
    needs: NEEDS,
    run: world =>
      Served.during(world, ROUTER, async served => {
        const attachment = await served.wired()
        const { ips, routes } = await attachment.mustAdd()
        expectEqual(
          'address and gateway',
          ips.map(({ address, gateway }) => [address, gateway]),
          [['10.22.0.100/24', GATEWAY.ipv4]],
        )
        expectEqual(
          'routes',
          routes.map(({ dst, gw }) => [dst, gw]),
          [['0.0.0.0/0', GATEWAY.ipv4]],
        )
        expectEqual(
          'what the server heard',
          served.server.heard.map(({ type }) => type),
          ['discover', 'request'],
        )
      }),
  },
  {
    id: 'dhcp.add.classless-routes',
    title: 'classless routes are those of the result; the router is not asked for a default route then',
    source: `${DOCS}; RFC 3442`,
    needs: NEEDS,
    run: world =>
      Served.during(world, new Map([...ROUTER, ...CLASSLESS]), async served => {
        const { routes } = await (await served.wired()).mustAdd()
        expectEqual(
          'routes',
          routes.map(({ dst, gw }) => [dst, gw]),
          [['10.99.0.0/16', '10.22.0.7']],
        )
      }),
  },
  {
    id: 'dhcp.add.two-interfaces',
    title: 'two interfaces of one container are two clients, each with an address of its own',
    source: SPEC.parameters,
    needs: NEEDS,
    run: world =>
      Served.during(world, ROUTER, async served => {
        const first = await served.wired()
        const second = await served.wired({}, { ...first.options, ifname: 'eth1' })
        await first.mustAdd()
        await second.mustAdd()
        expectEqual('addresses', [first.address, second.address], ['10.22.0.100', '10.22.0.101'])
        expectEqual('number of clients', new Set(served.server.heard.map(clientOf)).size, 2)
      }),
  },
  {
    id: 'dhcp.add.requested-option',
    title: 'request: the server is asked for the option',
    source: `${DOCS}, "request" (v1.1)`,
    needs: NEEDS,
    run: world =>
      Served.during(world, ROUTER, async served => {
        await (await served.wired({ request: [{ option: '42' }] })).mustAdd()
        const asked = served.server.heard.map(({ options }) => [
          ...(options.get(DHCP_OPTION.parameterRequestList) ?? []),
        ])
        expectThat(
          'options asked for',
          asked.some(list => list.includes(42)),
          '42 among them',
          asked,
        )
      }),
  },
  {
    id: 'dhcp.add.no-interface',
    title: 'without the interface ADD is an error',
    source: `${DOCS}: the lease is asked for through the interface`,
    needs: NEEDS,
    async run(world) {
      const network = world.network({ type: 'dhcp', ipam: { type: 'dhcp' } })
      expectError(await (await world.attachment(network)).add())
    },
  },
  {
    id: 'dhcp.del.release',
    title: 'DEL gives the address back: the server hears a release, by the client that it was given to',
    source: 'RFC 2131, section 4.4.6',
    needs: NEEDS,
    run: world =>
      Served.during(world, ROUTER, async served => {
        const attachment = await served.wired()
        await attachment.mustAdd()
        await attachment.mustDel()
        const release = await eventually(world.clock, () =>
          served.server.heard.find(({ type }) => type === 'release'),
        )
        expectEqual('address of the release', release?.clientAddress, attachment.address)
        expectEqual('number of clients', new Set(served.server.heard.map(clientOf)).size, 1)
      }),
  },
  {
    id: 'dhcp.del.twice',
    title: 'DEL twice: both succeed',
    source: SPEC.del,
    needs: NEEDS,
    run: world =>
      Served.during(world, ROUTER, async served => {
        const attachment = await served.wired()
        await attachment.mustAdd()
        await attachment.mustDel()
        await attachment.mustDel()
      }),
  },
  {
    id: 'dhcp.del.no-namespace',
    title: 'DEL after the namespace has gone succeeds',
    source: SPEC.del,
    needs: NEEDS,
    run: world =>
      Served.during(world, ROUTER, async served => {
        const attachment = await served.wired()
        await attachment.mustAdd()
        await attachment.pod.remove()
        await attachment.mustDel()
      }),
  },
  {
    id: 'dhcp.check.lease',
    title: 'CHECK succeeds while there is a lease, and is an error after DEL',
    source: SPEC.check,
    needs: NEEDS,
    run: world =>
      Served.during(world, ROUTER, async served => {
        const attachment = await served.wired()
        await attachment.mustAdd()
        await attachment.mustCheck()
        await attachment.mustDel()
        expectError(await attachment.check())
      }),
  },
  {
    id: 'dhcp.bridge.whole',
    title: 'under bridge: the container has the address and reaches its gateway; CHECK and DEL succeed',
    source: `${SPEC.delegate}; ${DOCS}`,
    needs: { ...NEEDS, plugins: ['bridge', 'dhcp'] },
    async run(world) {
      await servedBridge(world, ROUTER)
      const network = world.network(bridge(world, { isGateway: false, ipam: { type: 'dhcp' } }))
      const attachment = await world.attach(network)
      const { pod, address } = attachment
      expectEqual('addresses of eth0', addressesOf(await observeLink(pod, 'eth0')), ['10.22.0.100/24'])
      const toAll = (await observeRoutes(pod, 4)).find(({ dst }) => dst === 'default')
      expectEqual('gateway of the default route', toAll?.gateway, GATEWAY.ipv4)
      await world.serve(world.host.network, 'udp', 9000)
      expectEqual('source seen', await world.visit(pod, GATEWAY.ipv4, 9000), address)
      await attachment.mustCheck()
      await attachment.mustDel()
    },
  },
]
