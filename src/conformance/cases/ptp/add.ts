import type { Attachment } from '../../attachment.ts'
import type { ConformanceCase, Needs } from '../../case.ts'
import { documentation, dualStack, GATEWAY, hostLocal, ptp, range, SPEC } from '../../configs.ts'
import { expectDefined, expectEqual } from '../../expect.ts'
import { UPLINK } from '../../fake-host.ts'
import { addressesOf, observeLink, observeRoutes } from '../../observe.ts'
import { refusesExistingInterface } from '../existing-interface.ts'
import { hostEnd } from '../links.ts'

const NEEDS: Needs = { plugins: ['ptp', 'host-local'], kernel: ['veth'] }
const DUAL: Needs = { ...NEEDS, kernel: ['veth', 'ipv6'] }
const DOCS = documentation('ptp')

async function gatewayRoutes({ pod }: Attachment, family: 4 | 6): Promise<[string, string][]> {
  const routes = await observeRoutes(pod, family)
  return routes.map(({ dst, gateway = 'link' }): [string, string] => [dst, gateway]).sort()
}

/** What ADD makes. */
export const ptpAddCases: readonly ConformanceCase[] = [
  {
    id: 'ptp.add.result',
    title: 'the result lists host end and container end, and the address belongs to the latter',
    source: SPEC.result,
    needs: NEEDS,
    async run(world) {
      const { result, pod } = await world.attach(world.network(ptp(world)))
      const [ip] = result.ips
      const owner = expectDefined('interface of the address', result.interfaces[ip?.interface ?? -1])
      expectEqual('its name and sandbox', [owner.name, owner.sandbox], ['eth0', pod.path])
      expectEqual('address and gateway', [ip?.address, ip?.gateway], ['10.22.0.2/24', GATEWAY.ipv4])
    },
  },
  {
    id: 'ptp.add.routes',
    title: 'inside, the gateway is on the link and everything of the subnet goes by it',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(ptp(world)))
      expectEqual('routes', await gatewayRoutes(attachment, 4), [
        ['10.22.0.0/24', GATEWAY.ipv4],
        [GATEWAY.ipv4, 'link'],
        ['default', GATEWAY.ipv4],
      ])
    },
  },
  {
    id: 'ptp.add.dual-stack-routes',
    title: 'so it is for both families',
    source: DOCS,
    needs: DUAL,
    async run(world) {
      const attachment = await world.attach(world.network(ptp(world, { ipam: dualStack(world) })))
      expectEqual('IPv4 routes', await gatewayRoutes(attachment, 4), [
        ['10.22.0.0/24', GATEWAY.ipv4],
        [GATEWAY.ipv4, 'link'],
        ['default', GATEWAY.ipv4],
      ])
      expectEqual('IPv6 routes', await gatewayRoutes(attachment, 6), [
        ['default', GATEWAY.ipv6],
        ['fd00:22::/64', GATEWAY.ipv6],
        [GATEWAY.ipv6, 'link'],
      ])
    },
  },
  {
    id: 'ptp.add.host-side',
    title: 'the host end has the gateway’s address and a route to the container’s',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(ptp(world)))
      const end = await hostEnd(world, attachment)
      expectEqual('addresses of the host end', addressesOf(end), [`${GATEWAY.ipv4}/32`])
      const routes = await observeRoutes(world.host.network, 4)
      expectEqual(
        'device to the container',
        routes.find(({ dst }) => dst === attachment.address)?.dev,
        end.ifname,
      )
    },
  },
  {
    id: 'ptp.add.traffic',
    title: 'two containers reach each other and the host, with their own addresses',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const network = world.network(ptp(world))
      const first = await world.attach(network)
      const second = await world.attach(network)
      await world.serve(second.pod, 'udp', 9000)
      await world.serve(world.host.network, 'udp', 9000)
      expectEqual(
        'source seen by the other one',
        await world.visit(first.pod, second.address, 9000),
        first.address,
      )
      expectEqual('source seen by the host', await world.visit(first.pod, UPLINK.ipv4, 9000), first.address)
    },
  },
  {
    id: 'ptp.add.traffic-ipv6',
    title: 'so they do with IPv6',
    source: DOCS,
    needs: DUAL,
    async run(world) {
      const network = world.network(ptp(world, { ipam: dualStack(world) }))
      const first = await world.attach(network)
      const second = await world.attach(network)
      await world.serve(second.pod, 'udp', 9000, 6)
      const seen = await world.visit(first.pod, second.addresses[1] ?? '', 9000)
      expectEqual('source seen by the other one', seen, first.addresses[1])
    },
  },
  {
    id: 'ptp.add.forwarding',
    title: 'the host forwards IPv4 afterwards',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      await world.host.network.setSysctl('net/ipv4/ip_forward', '0')
      await world.attach(world.network(ptp(world)))
      expectEqual('net.ipv4.ip_forward', await world.host.network.sysctl('net/ipv4/ip_forward'), '1')
    },
  },
  {
    id: 'ptp.add.mtu',
    title: 'mtu: both ends have it',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(ptp(world, { mtu: 1400 })))
      expectEqual('MTU of the container end', (await observeLink(attachment.pod, 'eth0'))?.mtu, 1400)
      expectEqual('MTU of the host end', (await hostEnd(world, attachment)).mtu, 1400)
    },
  },
  {
    id: 'ptp.add.dns',
    title: 'dns of the configuration stands in the result',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { result } = await world.attach(world.network(ptp(world, { dns: { nameservers: ['10.1.0.1'] } })))
      expectEqual('nameservers', result.dns.nameservers, ['10.1.0.1'])
    },
  },
  refusesExistingInterface('ptp', NEEDS, world => world.network(ptp(world))),
  {
    id: 'ptp.add.two-interfaces',
    title: 'eth0 and eth1 of one container: DEL of one leaves the other',
    source: SPEC.parameters,
    needs: NEEDS,
    async run(world) {
      const first = await world.attach(world.network(ptp(world, { ipam: hostLocal(world) })))
      const other = {
        ...world.network(ptp(world, { ipam: hostLocal(world, { ranges: [range('10.23.0.0/24')] }) })),
        name: `${world.name}other`,
      }
      const second = await world.attach(other, { ...first.options, ifname: 'eth1' })
      await second.mustDel()
      expectEqual('addresses of eth0', addressesOf(await observeLink(first.pod, 'eth0')), ['10.22.0.2/24'])
      await world.serve(world.host.network, 'udp', 9000)
      expectEqual('source seen by the host', await world.visit(first.pod, GATEWAY.ipv4, 9000), first.address)
    },
  },
]
