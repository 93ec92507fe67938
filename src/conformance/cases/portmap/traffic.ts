import type { ConformanceCase, Needs } from '../../case.ts'
import { bridge, documentation, dualStack, hostLocal } from '../../configs.ts'
import { expectEqual, expectThat } from '../../expect.ts'
import { OUTSIDE, UPLINK } from '../../fake-host.ts'
import { mapped, network, TCP, UDP } from './network.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local', 'portmap'], kernel: ['bridge', 'veth', 'nat'] }
const DOCS = documentation('portmap')

/** Who reaches the container by the mapped port. */
export const portmapTrafficCases: readonly ConformanceCase[] = [
  {
    id: 'portmap.add.tcp',
    title: 'a TCP port of the host leads to the container, for a machine outside, whose address is seen',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { pod } = await world.attach(network(world), mapped(TCP))
      await world.serve(pod, 'tcp', 80)
      const seen = await world.visit(world.host.outside, UPLINK.ipv4, 8080, 'tcp')
      expectEqual('source seen by the container', seen, OUTSIDE.ipv4)
    },
  },
  {
    id: 'portmap.add.udp',
    title: 'so does a UDP port',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { pod } = await world.attach(network(world), mapped(UDP))
      await world.serve(pod, 'udp', 53)
      expectEqual(
        'source seen by the container',
        await world.visit(world.host.outside, UPLINK.ipv4, 8053),
        OUTSIDE.ipv4,
      )
    },
  },
  {
    id: 'portmap.add.ipv6',
    title: 'so does a port of the host’s IPv6 address',
    source: DOCS,
    needs: { ...NEEDS, kernel: ['bridge', 'veth', 'nat', 'ipv6'] },
    async run(world) {
      const { pod } = await world.attach(network(world, {}, dualStack(world)), mapped(TCP))
      await world.serve(pod, 'tcp', 80, 6)
      const seen = await world.visit(world.host.outside, UPLINK.ipv6, 8080, 'tcp')
      expectEqual('source seen by the container', seen, OUTSIDE.ipv6)
    },
  },
  {
    id: 'portmap.add.from-host',
    title: 'the host itself reaches the container by its own address',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { pod } = await world.attach(network(world), mapped(TCP))
      await world.serve(pod, 'tcp', 80)
      const seen = await world.visit(world.host.network, UPLINK.ipv4, 8080, 'tcp')
      expectThat('the host’s visit', seen !== undefined, 'an answer', 'none')
    },
  },
  {
    id: 'portmap.add.from-loopback',
    title: 'the host itself reaches the container by 127.0.0.1',
    source: `${DOCS}: "snat"`,
    needs: NEEDS,
    async run(world) {
      const { pod } = await world.attach(network(world), mapped(TCP))
      await world.serve(pod, 'tcp', 80)
      const seen = await world.visit(world.host.network, '127.0.0.1', 8080, 'tcp')
      expectThat('the host’s visit', seen !== undefined, 'an answer', 'none')
    },
  },
  {
    id: 'portmap.add.from-itself',
    title: 'the container reaches itself by the host’s address and port',
    source: `${DOCS}: "hairpin"`,
    needs: NEEDS,
    async run(world) {
      const hairpin = world.network(
        bridge(world, {
          hairpinMode: true,
          ipMasq: true,
          ipam: hostLocal(world, { routes: [{ dst: '0.0.0.0/0' }] }),
        }),
        { type: 'portmap', capabilities: { portMappings: true } },
      )
      const { pod } = await world.attach(hairpin, mapped(TCP))
      await world.serve(pod, 'tcp', 80)
      const seen = await world.visit(pod, UPLINK.ipv4, 8080, 'tcp')
      expectThat('the container’s visit', seen !== undefined, 'an answer', 'none')
    },
  },
  {
    id: 'portmap.add.from-neighbour',
    title: 'another container of the bridge reaches it by the host’s address and port',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { pod } = await world.attach(network(world), mapped(TCP))
      const other = await world.attach(network(world))
      await world.serve(pod, 'tcp', 80)
      const seen = await world.visit(other.pod, UPLINK.ipv4, 8080, 'tcp')
      expectThat('the other container’s visit', seen !== undefined, 'an answer', 'none')
    },
  },
  {
    id: 'portmap.add.host-ip',
    title: 'hostIP: the port leads to the container by that address of the host only',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      await world.host.network.ip(`address replace 192.0.2.77/24 dev ${UPLINK.name}`)
      try {
        const { pod } = await world.attach(network(world), mapped({ ...TCP, hostIP: '192.0.2.77' }))
        await world.serve(pod, 'tcp', 80)
        const meant = await world.visit(world.host.outside, '192.0.2.77', 8080, 'tcp')
        expectEqual('source seen by way of hostIP', meant, OUTSIDE.ipv4)
        const other = await world.visit(world.host.outside, UPLINK.ipv4, 8080, 'tcp', 300)
        expectEqual('source seen by way of another address', other, undefined)
      } finally {
        await world.host.network.ip(`address delete 192.0.2.77/24 dev ${UPLINK.name}`)
      }
    },
  },
  {
    id: 'portmap.add.host-ip-any',
    title: 'hostIP 0.0.0.0 is every address',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { pod } = await world.attach(network(world), mapped({ ...TCP, hostIP: '0.0.0.0' }))
      await world.serve(pod, 'tcp', 80)
      expectEqual(
        'source seen',
        await world.visit(world.host.outside, UPLINK.ipv4, 8080, 'tcp'),
        OUTSIDE.ipv4,
      )
    },
  },
  {
    id: 'portmap.add.many',
    title: 'forty mappings of one container: the first and the last work',
    source: `${DOCS}; the kernel’s multiport takes 15`,
    needs: NEEDS,
    async run(world) {
      const ports = Array.from({ length: 40 }, (_, index) => ({
        ...TCP,
        hostPort: 8000 + index,
        containerPort: 80 + index,
      }))
      const { pod } = await world.attach(network(world), mapped(...ports))
      await world.serve(pod, 'tcp', 80)
      await world.serve(pod, 'tcp', 119)
      expectEqual(
        'source seen at the first',
        await world.visit(world.host.outside, UPLINK.ipv4, 8000, 'tcp'),
        OUTSIDE.ipv4,
      )
      expectEqual(
        'source seen at the last',
        await world.visit(world.host.outside, UPLINK.ipv4, 8039, 'tcp'),
        OUTSIDE.ipv4,
      )
    },
  },
  {
    id: 'portmap.add.protocols-apart',
    title: 'a UDP mapping does not open the TCP port of that number',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { pod } = await world.attach(network(world), mapped(UDP))
      await world.serve(pod, 'udp', 53)
      await world.serve(pod, 'tcp', 53)
      expectEqual(
        'source seen by UDP',
        await world.visit(world.host.outside, UPLINK.ipv4, 8053),
        OUTSIDE.ipv4,
      )
      const tcp = await world.visit(world.host.outside, UPLINK.ipv4, 8053, 'tcp', 300)
      expectEqual('source seen by TCP', tcp, undefined)
    },
  },
  {
    id: 'portmap.add.services-of-others',
    title: 'a port that is mapped on this host is not taken from connections that pass through it',
    source: `${DOCS}: only packets to an address of the host`,
    needs: NEEDS,
    async run(world) {
      const first = await world.attach(network(world), mapped({ ...TCP, containerPort: 81 }))
      await world.serve(first.pod, 'tcp', 81)
      const second = await world.attach(network(world))
      await world.serve(world.host.outside, 'tcp', 8080)
      expectEqual(
        'source seen outside',
        await world.visit(second.pod, OUTSIDE.ipv4, 8080, 'tcp'),
        UPLINK.ipv4,
      )
    },
  },
]
