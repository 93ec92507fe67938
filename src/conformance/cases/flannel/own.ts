import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ConformanceCase, Needs } from '../../case.ts'
import { SPEC } from '../../configs.ts'
import { expectEqual, expectError, expectIncludes } from '../../expect.ts'
import { OUTSIDE, UPLINK } from '../../fake-host.ts'
import { addressesOf, observeLink, observeRoutes } from '../../observe.ts'
import type { World } from '../../world.ts'
import { deletesTwice } from '../life.ts'
import { expectNoLink } from '../links.ts'
import { DOCS, network, SUBNET_ENV } from './network.ts'

const NEEDS: Needs = { plugins: ['flannel', 'bridge', 'host-local'], kernel: ['bridge', 'veth'] }

export const flannelCases: readonly ConformanceCase[] = [
  {
    id: 'flannel.add.subnet',
    title: 'the address is of the subnet in subnet.env, and the bridge is its gateway',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { pod, result } = await world.attach(network(world))
      expectEqual('address of the result', result.ips[0]?.address, '10.30.7.2/24')
      expectEqual('addresses of eth0', addressesOf(await observeLink(pod, 'eth0')), ['10.30.7.2/24'])
      const bridge = await observeLink(world.host.network, world.bridgeName)
      expectIncludes('addresses of the bridge', addressesOf(bridge), '10.30.7.1/24')
    },
  },
  {
    id: 'flannel.add.network-route',
    title: 'the whole network of subnet.env is reached by the gateway',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { pod } = await world.attach(network(world))
      const route = (await observeRoutes(pod, 4)).find(({ dst }) => dst === '10.30.0.0/16')
      expectEqual('gateway to 10.30.0.0/16', route?.gateway, '10.30.7.1')
    },
  },
  {
    id: 'flannel.add.mtu',
    title: 'the interface has the MTU of subnet.env',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { pod } = await world.attach(network(world))
      expectEqual('MTU of eth0', (await observeLink(pod, 'eth0'))?.mtu, 1450)
    },
  },
  {
    id: 'flannel.add.masquerade',
    title: 'FLANNEL_IPMASQ=false: the bridge masquerades in place of flanneld',
    source: DOCS,
    needs: { ...NEEDS, kernel: ['bridge', 'veth', 'nat'] },
    async run(world) {
      const { pod } = await world.attach(network(world, { ...SUBNET_ENV, FLANNEL_IPMASQ: 'false' }))
      await world.serve(world.host.outside, 'udp', 9000)
      expectEqual('source seen outside', await world.visit(pod, OUTSIDE.ipv4, 9000), UPLINK.ipv4)
    },
  },
  {
    id: 'flannel.add.no-file',
    title: 'without subnet.env ADD is an error that names the file, and nothing is made',
    source: 'flannel-io/flannel#2232',
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attachment(
        network(world, SUBNET_ENV, { subnetFile: '/run/not/there.env' }),
      )
      expectError(await attachment.add(), { mentions: /not\/there\.env/ })
      await expectNoLink('eth0 in the container', attachment.pod, 'eth0')
    },
  },
  ...['FLANNEL_NETWORK', 'FLANNEL_SUBNET', 'FLANNEL_MTU', 'FLANNEL_IPMASQ'].map(name => ({
    id: `flannel.add.no-${name.slice('FLANNEL_'.length).toLowerCase()}`,
    title: `a subnet.env without ${name} is an error that names it`,
    source: DOCS,
    needs: NEEDS,
    async run(world: World) {
      const rest = Object.fromEntries(Object.entries(SUBNET_ENV).filter(([key]) => key !== name))
      expectError(await (await world.attachment(network(world, rest))).add(), { mentions: new RegExp(name) })
    },
  })),
  deletesTwice({ type: 'flannel', needs: NEEDS, attach: world => world.attach(network(world)) }),
  {
    id: 'flannel.del.no-file',
    title: 'DEL after subnet.env has gone takes interface and address away',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world))
      writeFileSync(join(world.directory, 'subnet.env'), '')
      await attachment.mustDel()
      await expectNoLink('eth0 in the container', attachment.pod, 'eth0')
    },
  },
  {
    id: 'flannel.del.two-interfaces',
    title: 'two interfaces of one container: DEL of each takes its own away',
    source: `${SPEC.parameters}; flannel-io/cni-plugin keeps one file for a container`,
    needs: NEEDS,
    async run(world) {
      const first = await world.attach(network(world))
      const second = await world.attach(first.network, { ...first.options, ifname: 'eth1' })
      await second.mustDel()
      expectEqual('addresses of eth0', addressesOf(await observeLink(first.pod, 'eth0')), ['10.30.7.2/24'])
      await first.mustDel()
      await expectNoLink('eth0 in the container', first.pod, 'eth0')
    },
  },
]
