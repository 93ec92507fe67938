import type { ConformanceCase, Needs } from '../../case.ts'
import { bridge, documentation } from '../../configs.ts'
import { expectDefined, expectEqual } from '../../expect.ts'
import { addressesOf, observeLink, observeLinks } from '../../observe.ts'
import { hostEnd } from '../links.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'] }
const DOCS = documentation('bridge')

/** Settings of the kernel, and names. */
export const bridgeSettingCases: readonly ConformanceCase[] = [
  {
    id: 'bridge.settings.no-router-advertisements',
    title: 'the host’s ends take no router advertisements: a container cannot reroute the host',
    source: 'CVE-2020-10749',
    needs: { ...NEEDS, kernel: ['bridge', 'veth', 'ipv6'] },
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world)))
      const { ifname } = await hostEnd(world, attachment)
      for (const name of [world.bridgeName, ifname]) {
        const value = await world.host.network.sysctl(`net/ipv6/conf/${name}/accept_ra`)
        expectEqual(`accept_ra of ${name}`, value, '0')
      }
    },
  },
  {
    id: 'bridge.settings.announce',
    title: 'the container end announces its addresses (arp_notify)',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { pod } = await world.attach(world.network(bridge(world)))
      expectEqual('arp_notify of eth0', await pod.sysctl('net/ipv4/conf/eth0/arp_notify'), '1')
    },
  },
  {
    id: 'bridge.settings.enabledad',
    title: 'enabledad: duplicate address detection runs, and the address works afterwards',
    source: `${DOCS} (v1.3)`,
    needs: { ...NEEDS, kernel: ['bridge', 'veth', 'ipv6'] },
    async run(world) {
      const ipam = { type: 'host-local', ranges: [[{ subnet: 'fd00:22::/64' }]], dataDir: world.dataDir }
      const { pod, result } = await world.attach(world.network(bridge(world, { enabledad: true, ipam })))
      const link = expectDefined('eth0 in the container', await observeLink(pod, 'eth0'))
      expectEqual('addresses', addressesOf(link), [result.ips[0]?.address])
      expectEqual('accept_dad of eth0', await pod.sysctl('net/ipv6/conf/eth0/accept_dad'), '1')
    },
  },
  {
    id: 'bridge.settings.names',
    title: 'host ends of many containers have names of their own',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const network = world.network(bridge(world))
      for (let index = 0; index < 5; index += 1) await world.attach(network)
      const ports = (await observeLinks(world.host.network)).filter(
        ({ master }) => master === world.bridgeName,
      )
      expectEqual('number of ports', ports.length, 5)
    },
  },
]
