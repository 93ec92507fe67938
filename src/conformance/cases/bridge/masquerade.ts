import type { ConformanceCase, Needs } from '../../case.ts'
import { bridge, documentation, dualStack, GATEWAY, hostLocal, issue, SPEC } from '../../configs.ts'
import { expectEqual, expectSuccess } from '../../expect.ts'
import { OUTSIDE, UPLINK } from '../../fake-host.ts'
import { masquerading } from './network.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'] }
const NAT: Needs = { ...NEEDS, kernel: ['bridge', 'veth', 'nat'] }
const DOCS = documentation('bridge')

const defaultRoute = [{ dst: '0.0.0.0/0' }]

/** ipMasq: what others see of a container. */
export const bridgeMasqueradeCases: readonly ConformanceCase[] = [
  {
    id: 'bridge.masquerade.outside',
    title: 'ipMasq: a machine outside sees the host’s address',
    source: DOCS,
    needs: NAT,
    async run(world) {
      const { pod } = await world.attach(masquerading(world))
      await world.serve(world.host.outside, 'udp', 9000)
      expectEqual('source seen outside', await world.visit(pod, OUTSIDE.ipv4, 9000), UPLINK.ipv4)
    },
  },
  {
    id: 'bridge.masquerade.outside-ipv6',
    title: 'ipMasq: so it does with IPv6',
    source: `${DOCS}, ${issue('plugins', 1118)}`,
    needs: { ...NAT, kernel: ['bridge', 'veth', 'nat', 'ipv6'] },
    async run(world) {
      const { pod } = await world.attach(
        world.network(bridge(world, { ipMasq: true, ipam: dualStack(world) })),
      )
      await world.serve(world.host.outside, 'udp', 9000, 6)
      expectEqual('source seen outside', await world.visit(pod, OUTSIDE.ipv6, 9000), UPLINK.ipv6)
    },
  },
  {
    id: 'bridge.masquerade.inside',
    title: 'ipMasq: another pod of the network and the host see the pod’s own address',
    source: DOCS,
    needs: NAT,
    async run(world) {
      const network = masquerading(world)
      const first = await world.attach(network)
      const second = await world.attach(network)
      await world.serve(second.pod, 'udp', 9000)
      await world.serve(world.host.network, 'udp', 9000)
      expectEqual('source seen by the pod', await world.visit(first.pod, second.address, 9000), first.address)
      expectEqual('source seen by the host', await world.visit(first.pod, GATEWAY.ipv4, 9000), first.address)
    },
  },
  {
    id: 'bridge.masquerade.off',
    title: 'without ipMasq a machine outside sees the pod’s address',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const ipam = hostLocal(world, { routes: defaultRoute })
      const { pod, address } = await world.attach(world.network(bridge(world, { ipam })))
      const service = await world.serve(world.host.outside, 'udp', 9000)
      await world.visit(pod, OUTSIDE.ipv4, 9000, 'udp', 500)
      expectEqual('the first source seen outside', service.sources[0], address)
    },
  },
  {
    id: 'bridge.masquerade.del-without-namespace',
    title: 'DEL after the namespace has gone takes the rules of the pod away',
    source: issue('plugins', 810),
    needs: NAT,
    async run(world) {
      const attachment = await world.attach(masquerading(world))
      await attachment.pod.remove()
      await attachment.mustDel()
    },
  },
  {
    id: 'bridge.masquerade.del-without-netns',
    title: 'DEL with an empty CNI_NETNS takes the rules of the pod away',
    source: `${issue('plugins', 810)}, ${SPEC.del}`,
    needs: NAT,
    async run(world) {
      const network = masquerading(world)
      const attachment = await world.attach(network)
      const { containerId, ifname } = attachment.options
      const [plugin] = network.plugins
      const config = {
        ...plugin,
        name: network.name,
        cniVersion: network.cniVersion,
        prevResult: attachment.result,
      }
      const env = { CNI_CONTAINERID: containerId, CNI_IFNAME: ifname, CNI_NETNS: '' }
      expectSuccess(await world.call({ verb: 'DEL', type: 'bridge', config, env }))
      attachment.deleted = true
      await attachment.pod.remove()
    },
  },
]
