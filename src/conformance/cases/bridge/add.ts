import type { ConformanceCase, Needs } from '../../case.ts'
import { bridge, documentation, dualStack, GATEWAY, hostLocal, SPEC } from '../../configs.ts'
import { expectDefined, expectEqual, expectIncludes, expectThat } from '../../expect.ts'
import { addressesOf, observeLink, observeLinks, observeRoutes } from '../../observe.ts'
import { hostEnd } from '../links.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'] }
const DOCS = documentation('bridge')

/** What every ADD makes: interfaces, addresses, routes. */
export const bridgeAddCases: readonly ConformanceCase[] = [
  {
    id: 'bridge.add.result-interfaces',
    title: 'the result lists bridge, host end and container end, and the address belongs to the last',
    source: `${SPEC.result}, ${DOCS}`,
    needs: NEEDS,
    async run(world) {
      const { result, pod } = await world.attach(world.network(bridge(world)))
      const sandboxes = result.interfaces.map(({ sandbox = '' }) => sandbox)
      expectEqual('sandboxes of bridge, host end, container end', sandboxes, ['', '', pod.path])
      expectEqual('the first interface', result.interfaces[0]?.name, world.bridgeName)
      expectEqual('the third interface', result.interfaces[2]?.name, 'eth0')
      expectEqual('ips[0].interface', result.ips[0]?.interface, 2)
      expectEqual('ips[0].address', result.ips[0]?.address, '10.22.0.2/24')
      expectEqual('ips[0].gateway', result.ips[0]?.gateway, GATEWAY.ipv4)
    },
  },
  {
    id: 'bridge.add.result-macs',
    title: 'the MAC addresses of the result are those of the interfaces',
    source: SPEC.result,
    needs: NEEDS,
    async run(world) {
      const { result, pod } = await world.attach(world.network(bridge(world)))
      const host = await observeLinks(world.host.network)
      for (const { name, mac, sandbox = '' } of result.interfaces) {
        const links = sandbox === '' ? host : await observeLinks(pod)
        expectEqual(
          `MAC address of ${name}`,
          mac?.toLowerCase(),
          links.find(({ ifname }) => ifname === name)?.address,
        )
      }
    },
  },
  {
    id: 'bridge.add.gateway',
    title: 'isGateway: the bridge is up and has the gateway address, the host end is its port',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world)))
      const link = expectDefined('the bridge', await observeLink(world.host.network, world.bridgeName))
      expectIncludes('addresses of the bridge', addressesOf(link), `${GATEWAY.ipv4}/24`)
      expectIncludes('flags of the bridge', link.flags, 'UP')
      expectEqual('master of the host end', (await hostEnd(world, attachment)).master, world.bridgeName)
    },
  },
  {
    id: 'bridge.add.forwarding',
    title: 'isGateway: the host forwards IPv4 afterwards',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      await world.host.network.setSysctl('net/ipv4/ip_forward', '0')
      await world.attach(world.network(bridge(world)))
      expectEqual('net.ipv4.ip_forward', await world.host.network.sysctl('net/ipv4/ip_forward'), '1')
    },
  },
  {
    id: 'bridge.add.forwarding-ipv6',
    title: 'isGateway: the host forwards IPv6 afterwards, if the network has IPv6',
    source: DOCS,
    needs: { ...NEEDS, kernel: ['bridge', 'veth', 'ipv6'] },
    async run(world) {
      await world.host.network.setSysctl('net/ipv6/conf/all/forwarding', '0')
      await world.attach(world.network(bridge(world, { ipam: dualStack(world) })))
      expectEqual(
        'net.ipv6.conf.all.forwarding',
        await world.host.network.sysctl('net/ipv6/conf/all/forwarding'),
        '1',
      )
    },
  },
  {
    id: 'bridge.add.no-gateway',
    title: 'without isGateway the bridge has no address, and pods still reach each other',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const network = world.network(bridge(world, { isGateway: false }))
      const first = await world.attach(network)
      const second = await world.attach(network)
      const link = await observeLink(world.host.network, world.bridgeName)
      expectEqual('addresses of the bridge', addressesOf(link), [])
      await world.serve(second.pod, 'udp', 9000)
      expectEqual('source seen', await world.visit(first.pod, second.address, 9000), first.address)
    },
  },
  {
    id: 'bridge.add.interface',
    title: 'the container end is up, with the address of the result',
    source: SPEC.add,
    needs: NEEDS,
    async run(world) {
      const { result, pod } = await world.attach(world.network(bridge(world)))
      const link = expectDefined('eth0 in the container', await observeLink(pod, 'eth0'))
      expectEqual('addresses of eth0', addressesOf(link), [result.ips[0]?.address])
      expectIncludes('flags of eth0', link.flags, 'UP')
    },
  },
  {
    id: 'bridge.add.ifname',
    title: 'the container end has the name that the runtime asks for',
    source: SPEC.parameters,
    needs: NEEDS,
    async run(world) {
      const { pod, result } = await world.attach(world.network(bridge(world)), { ifname: 'net-1.x_y' })
      expectDefined('net-1.x_y in the container', await observeLink(pod, 'net-1.x_y'))
      expectEqual('name in the result', result.interfaces.at(-1)?.name, 'net-1.x_y')
    },
  },
  {
    id: 'bridge.add.default-gateway',
    title: 'isDefaultGateway: the default route of the container leads to the bridge',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { pod } = await world.attach(
        world.network(bridge(world, { isGateway: false, isDefaultGateway: true })),
      )
      const routes = await observeRoutes(pod, 4)
      expectEqual('gateway', routes.find(({ dst }) => dst === 'default')?.gateway, GATEWAY.ipv4)
      const link = await observeLink(world.host.network, world.bridgeName)
      expectIncludes('addresses of the bridge', addressesOf(link), `${GATEWAY.ipv4}/24`)
    },
  },
  {
    id: 'bridge.add.routes',
    title: 'routes of the IPAM result are set in the container; one without gw leads to the gateway',
    source: `${SPEC.result} "routes"`,
    needs: NEEDS,
    async run(world) {
      const routes = [{ dst: '10.99.0.0/16' }, { dst: '10.98.0.0/16', gw: '10.22.0.77' }]
      const { pod, result } = await world.attach(
        world.network(bridge(world, { ipam: hostLocal(world, { routes }) })),
      )
      const observed = await observeRoutes(pod, 4)
      const gatewayOf = (wanted: string) => observed.find(({ dst }) => dst === wanted)?.gateway
      expectEqual('gateway to 10.99.0.0/16', gatewayOf('10.99.0.0/16'), GATEWAY.ipv4)
      expectEqual('gateway to 10.98.0.0/16', gatewayOf('10.98.0.0/16'), '10.22.0.77')
      expectEqual(
        'destinations in the result',
        result.routes.map(({ dst }) => dst),
        ['10.99.0.0/16', '10.98.0.0/16'],
      )
    },
  },
  {
    id: 'bridge.add.dual-stack',
    title: 'one address and gateway of each family; both families reach the host',
    source: DOCS,
    needs: { ...NEEDS, kernel: ['bridge', 'veth', 'ipv6'] },
    async run(world) {
      const { pod, result, addresses } = await world.attach(
        world.network(bridge(world, { ipam: dualStack(world) })),
      )
      expectEqual(
        'gateways',
        result.ips.map(({ gateway }) => gateway),
        [GATEWAY.ipv4, GATEWAY.ipv6],
      )
      await world.serve(world.host.network, 'udp', 9000, 4)
      await world.serve(world.host.network, 'udp', 9001, 6)
      expectEqual('IPv4 source seen', await world.visit(pod, GATEWAY.ipv4, 9000), addresses[0])
      expectEqual('IPv6 source seen', await world.visit(pod, GATEWAY.ipv6, 9001), addresses[1])
    },
  },
  {
    id: 'bridge.add.ipv6-at-once',
    title: 'an IPv6 address can be used at once: it is not tentative when ADD is done',
    source: 'containernetworking/plugins#680',
    needs: { ...NEEDS, kernel: ['bridge', 'veth', 'ipv6'] },
    async run(world) {
      const { pod } = await world.attach(world.network(bridge(world, { ipam: dualStack(world) })))
      const tentative = await pod.ip('-6 address show dev eth0 tentative scope global')
      expectThat('tentative addresses', tentative.trim() === '', 'none', tentative)
    },
  },
]
