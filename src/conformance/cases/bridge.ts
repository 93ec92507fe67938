import type { ConformanceCase, Needs } from '../case.ts'
import { bridge, documentation, dualStack, GATEWAY, hostLocal, SPEC } from '../configs.ts'
import { expectDefined, expectEqual, expectError, expectIncludes, expectThat } from '../expect.ts'
import { addressesOf, observeLink, observeLinks, observeRoutes } from '../observe.ts'
import type { World } from '../world.ts'
import { expectNoLink, hostEnd } from './links.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'] }
const DOCS = documentation('bridge')

/** A configuration that is refused, and nothing is made. */
async function refuses(world: World, extra: Readonly<Record<string, unknown>>): Promise<void> {
  const attachment = await world.attachment(world.network(bridge(world, extra)))
  expectError(await attachment.add())
  const links = await observeLinks(world.host.network)
  expectEqual(
    'links of the refused network',
    links.filter(({ ifname }) => ifname === world.bridgeName),
    [],
  )
}

/** What ADD makes. */
const add: readonly ConformanceCase[] = [
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
  {
    id: 'bridge.add.mtu',
    title: 'mtu: both ends have it',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world, { mtu: 1400 })))
      expectEqual('MTU of the container end', (await observeLink(attachment.pod, 'eth0'))?.mtu, 1400)
      expectEqual('MTU of the host end', (await hostEnd(world, attachment)).mtu, 1400)
    },
  },
  {
    id: 'bridge.add.hairpin',
    title: 'hairpinMode: a frame may leave by the port it came in',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world, { hairpinMode: true })))
      const port = await hostEnd(world, attachment)
      expectEqual('hairpin of the port', port.linkinfo?.info_slave_data['hairpin'], true)
    },
  },
  {
    id: 'bridge.add.promisc',
    title: 'promiscMode: the bridge is promiscuous',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      await world.attach(world.network(bridge(world, { promiscMode: true })))
      const link = expectDefined('the bridge', await observeLink(world.host.network, world.bridgeName))
      expectIncludes('flags of the bridge', link.flags, 'PROMISC')
    },
  },
  {
    id: 'bridge.add.port-isolation',
    title: 'portIsolation: pods do not reach each other, but the gateway',
    source: `${DOCS} (v1.7)`,
    needs: NEEDS,
    async run(world) {
      const network = world.network(bridge(world, { portIsolation: true }))
      const first = await world.attach(network)
      const second = await world.attach(network)
      await world.serve(world.host.network, 'udp', 9000)
      await world.serve(second.pod, 'udp', 9000)
      expectEqual('source seen by the host', await world.visit(first.pod, GATEWAY.ipv4, 9000), first.address)
      expectEqual(
        'source seen by the other pod',
        await world.visit(first.pod, second.address, 9000, 'udp', 300),
        undefined,
      )
    },
  },
  {
    id: 'bridge.add.layer-2',
    title: 'without ipam the interface is up and the result has no addresses',
    source: DOCS,
    needs: { ...NEEDS, plugins: ['bridge'] },
    async run(world) {
      const { pod, result } = await world.attach(world.network({ type: 'bridge', bridge: world.bridgeName }))
      expectEqual('ips', result.ips, [])
      const link = expectDefined('eth0 in the container', await observeLink(pod, 'eth0'))
      expectIncludes('flags of eth0', link.flags, 'UP')
      expectEqual('addresses of eth0', addressesOf(link), [])
    },
  },
  {
    id: 'bridge.add.interface-down',
    title: 'disableContainerInterface: the container end stays down',
    source: `${DOCS} (v1.5)`,
    needs: { ...NEEDS, plugins: ['bridge'] },
    async run(world) {
      const { pod } = await world.attach(
        world.network({ type: 'bridge', bridge: world.bridgeName, disableContainerInterface: true }),
      )
      const link = expectDefined('eth0 in the container', await observeLink(pod, 'eth0'))
      expectEqual('UP among the flags', link.flags.includes('UP'), false)
    },
  },
  {
    id: 'bridge.add.dns',
    title: 'dns of the configuration stands in the result',
    source: `${SPEC.result} "dns"`,
    needs: NEEDS,
    async run(world) {
      const dns = {
        nameservers: ['10.1.0.1'],
        domain: 'example.org',
        search: ['a.example.org'],
        options: ['ndots:5'],
      }
      const { result } = await world.attach(world.network(bridge(world, { dns })))
      expectEqual('dns', result.dns, dns)
    },
  },
  {
    id: 'bridge.add.existing-bridge',
    title: 'a bridge that is there already is used, and stays after DEL with what it had',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      await world.host.network.ip(`link add ${world.bridgeName} type bridge`)
      await world.host.network.ip(`link set ${world.bridgeName} mtu 1450 alias mine`)
      const attachment = await world.attach(world.network(bridge(world)))
      expectEqual('master of the host end', (await hostEnd(world, attachment)).master, world.bridgeName)
      await attachment.mustDel()
      const link = expectDefined('the bridge', await observeLink(world.host.network, world.bridgeName))
      expectEqual('alias', link['ifalias'], 'mine')
    },
  },
  {
    id: 'bridge.add.second-container',
    title: 'the address of the bridge on the link layer stays when ports come and go',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const network = world.network(bridge(world))
      const mac = async () => (await observeLink(world.host.network, world.bridgeName))?.address
      const first = await world.attach(network)
      const before = await mac()
      const second = await world.attach(network)
      expectEqual('MAC with two ports', await mac(), before)
      await first.mustDel()
      expectEqual('MAC after the first port left', await mac(), before)
      await world.serve(second.pod, 'udp', 9000)
      expectEqual('source seen', await world.visit(world.host.network, second.address, 9000), GATEWAY.ipv4)
    },
  },
  {
    id: 'bridge.add.two-interfaces',
    title: 'eth0 and eth1 of one container are independent: DEL of one leaves the other',
    source: `${SPEC.parameters}: an attachment is named by container and interface`,
    needs: NEEDS,
    async run(world) {
      const network = world.network(bridge(world))
      const first = await world.attach(network)
      const second = await world.attach(network, {
        pod: first.pod,
        containerId: first.options.containerId,
        ifname: 'eth1',
      })
      expectThat('the addresses', first.address !== second.address, 'two different ones', first.address)
      await second.mustDel()
      await expectNoLink('eth1 after its DEL', first.pod, 'eth1')
      expectEqual('addresses of eth0', addressesOf(await observeLink(first.pod, 'eth0')), [
        first.result.ips[0]?.address,
      ])
      await first.mustCheck()
    },
  },
]

/** What ADD refuses, without a trace. */
const refusals: readonly ConformanceCase[] = [
  {
    id: 'bridge.add.hairpin-and-promisc',
    title: 'hairpinMode together with promiscMode is refused before anything is made',
    source: DOCS,
    needs: NEEDS,
    run: world => refuses(world, { hairpinMode: true, promiscMode: true }),
  },
  {
    id: 'bridge.add.ipam-and-interface-down',
    title: 'disableContainerInterface together with ipam is refused before anything is made',
    source: `${DOCS} (v1.5)`,
    needs: NEEDS,
    run: world => refuses(world, { disableContainerInterface: true }),
  },
  {
    id: 'bridge.add.bad-vlan',
    title: 'a VLAN above 4094 is refused before anything is made',
    source: DOCS,
    needs: NEEDS,
    run: world => refuses(world, { vlan: 4095 }),
  },
  {
    id: 'bridge.add.wrong-type',
    title: 'a key with a value of the wrong type is refused before anything is made',
    source: SPEC.errors,
    needs: NEEDS,
    run: world => refuses(world, { isGateway: 'yes' }),
  },
  {
    id: 'bridge.add.foreign-link',
    title: 'a link of the bridge’s name that is no bridge is refused and stays',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      await world.host.network.ip(`link add ${world.bridgeName} type veth peer name ${world.bridgeName}p`)
      const attachment = await world.attachment(world.network(bridge(world)))
      expectError(await attachment.add())
      const link = await observeLink(world.host.network, world.bridgeName)
      expectEqual('kind of the link', link?.linkinfo?.info_kind, 'veth')
      await world.host.network.ip(`link delete ${world.bridgeName}`)
    },
  },
  {
    id: 'bridge.add.other-address',
    title: 'forceAddress false: another address on the bridge is an error, and stays',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      await world.host.network.ip(`link add ${world.bridgeName} type bridge`)
      await world.host.network.ip(`address add 10.77.0.1/24 dev ${world.bridgeName}`)
      const attachment = await world.attachment(world.network(bridge(world)))
      expectError(await attachment.add())
      expectEqual(
        'addresses of the bridge',
        addressesOf(await observeLink(world.host.network, world.bridgeName)),
        ['10.77.0.1/24'],
      )
    },
  },
  {
    id: 'bridge.add.force-address',
    title: 'forceAddress true: the gateway address takes the place of the other one',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      await world.host.network.ip(`link add ${world.bridgeName} type bridge`)
      await world.host.network.ip(`address add 10.77.0.1/24 dev ${world.bridgeName}`)
      await world.attach(world.network(bridge(world, { forceAddress: true })))
      expectEqual(
        'addresses of the bridge',
        addressesOf(await observeLink(world.host.network, world.bridgeName)),
        ['10.22.0.1/24'],
      )
    },
  },
  {
    id: 'bridge.add.interface-exists',
    title: 'an interface of that name in the container is an error, and stays as it is',
    source: SPEC.add,
    needs: NEEDS,
    async run(world) {
      const pod = await world.pod()
      await pod.ip('link add eth0 type veth peer name other')
      const before = (await observeLink(pod, 'eth0'))?.address
      const attachment = await world.attachment(world.network(bridge(world)), { pod })
      expectError(await attachment.add())
      expectEqual('MAC address of eth0', (await observeLink(pod, 'eth0'))?.address, before)
    },
  },
  {
    id: 'bridge.add.twice',
    title: 'ADD twice for the same container and interface is an error; the first one stays whole',
    source: SPEC.add,
    needs: NEEDS,
    async run(world) {
      const network = world.network(bridge(world))
      const first = await world.attach(network)
      const again = await world.attachment(network, first.options)
      expectError(await again.add())
      expectEqual('addresses of eth0', addressesOf(await observeLink(first.pod, 'eth0')), [
        first.result.ips[0]?.address,
      ])
      await world.serve(world.host.network, 'udp', 9000)
      expectEqual('source seen by the host', await world.visit(first.pod, GATEWAY.ipv4, 9000), first.address)
      again.deleted = true
    },
  },
]

export const bridgeCases: readonly ConformanceCase[] = [...add, ...refusals]
