import type { ConformanceCase, Needs } from '../../case.ts'
import { bridge, documentation, GATEWAY, SPEC } from '../../configs.ts'
import { expectDefined, expectEqual, expectIncludes, expectThat } from '../../expect.ts'
import { addressesOf, observeLink } from '../../observe.ts'
import { expectNoLink, hostEnd } from '../links.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'] }
const DOCS = documentation('bridge')

/** What keys of the configuration change, and what is there already. */
export const bridgeOptionCases: readonly ConformanceCase[] = [
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
