import type { ConformanceCase, Needs } from '../case.ts'
import { bridge, documentation, dualStack, GATEWAY, hostLocal, SPEC } from '../configs.ts'
import { expectEqual, expectError, expectThat } from '../expect.ts'
import { OUTSIDE, UPLINK } from '../fake-host.ts'
import { observeAll } from '../observe.ts'
import type { AttachOptions, World } from '../world.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local', 'portmap'], kernel: ['bridge', 'veth', 'nat'] }
const DOCS = documentation('portmap')

/** A bridge with masquerading, and portmap behind it. */
function network(
  world: World,
  extra: Readonly<Record<string, unknown>> = {},
  ipam = hostLocal(world, { routes: [{ dst: '0.0.0.0/0' }] }),
) {
  return world.network(bridge(world, { ipMasq: true, ipam }), {
    type: 'portmap',
    capabilities: { portMappings: true },
    ...extra,
  })
}

interface Mapping {
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: string
  readonly hostIP?: string
}

function mapped(...portMappings: readonly Mapping[]): AttachOptions {
  return { capabilityArgs: { portMappings } }
}

const TCP: Mapping = { hostPort: 8080, containerPort: 80, protocol: 'tcp' }
const UDP: Mapping = { hostPort: 8053, containerPort: 53, protocol: 'udp' }

const traffic: readonly ConformanceCase[] = [
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

const BAD_PORTS: readonly {
  readonly id: string
  readonly title: string
  readonly change: Partial<Mapping>
}[] = [
  { id: 'host-port-zero', title: 'hostPort 0', change: { hostPort: 0 } },
  { id: 'host-port-negative', title: 'a negative hostPort', change: { hostPort: -1 } },
  { id: 'host-port-large', title: 'a hostPort above 65535', change: { hostPort: 65_536 } },
  { id: 'container-port-zero', title: 'containerPort 0', change: { containerPort: 0 } },
  { id: 'container-port-large', title: 'a containerPort above 65535', change: { containerPort: 65_536 } },
  { id: 'protocol-unknown', title: 'an unknown protocol', change: { protocol: 'carrier-pigeon' } },
]

const life: readonly ConformanceCase[] = [
  {
    id: 'portmap.add.passes-result',
    title: 'the previous result is the answer, unchanged, with and without mappings',
    source: `${DOCS}, ${SPEC.derive}`,
    needs: NEEDS,
    async run(world) {
      for (const options of [{}, mapped(TCP)]) {
        const { result } = await world.attach(network(world), options)
        expectEqual(
          'number of interfaces and addresses',
          [result.interfaces.length, result.ips.length],
          [3, 1],
        )
        expectEqual('gateway', result.ips[0]?.gateway, GATEWAY.ipv4)
      }
    },
  },
  {
    id: 'portmap.add.no-result',
    title: 'without prevResult it is an error: it is a plugin for chains',
    source: DOCS,
    needs: { ...NEEDS, plugins: ['portmap'] },
    async run(world) {
      const plugin = { type: 'portmap', capabilities: { portMappings: true } }
      const attachment = await world.attachment(world.network(plugin), mapped(TCP))
      expectError(await attachment.add())
    },
  },
  ...BAD_PORTS.map(({ id, title, change }) => ({
    id: `portmap.add.${id}`,
    title: `${title} is refused`,
    source: DOCS,
    needs: NEEDS,
    async run(world: World) {
      const attachment = await world.attachment(network(world), mapped({ ...TCP, ...change }))
      expectError(await attachment.add())
    },
  })),
  {
    id: 'portmap.del.all',
    title: 'after DEL nobody reaches the container by the port',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world), mapped(UDP))
      await world.serve(attachment.pod, 'udp', 53)
      expectEqual(
        'source seen before',
        await world.visit(world.host.outside, UPLINK.ipv4, 8053),
        OUTSIDE.ipv4,
      )
      await attachment.mustDel()
      expectEqual(
        'source seen after',
        await world.visit(world.host.outside, UPLINK.ipv4, 8053, 'udp', 300),
        undefined,
      )
    },
  },
  {
    id: 'portmap.del.no-namespace',
    title: 'DEL after the namespace has gone takes the mapping away',
    source: SPEC.del,
    needs: { ...NEEDS },
    async run(world) {
      const plain = world.network(bridge(world), { type: 'portmap', capabilities: { portMappings: true } })
      const attachment = await world.attach(plain, mapped(TCP))
      await attachment.pod.remove()
      await attachment.mustDel()
    },
  },
  {
    id: 'portmap.del.no-result',
    title: 'DEL without prevResult takes the mapping away',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world), mapped(TCP))
      attachment.forgetResult()
      await attachment.mustDel()
    },
  },
  {
    id: 'portmap.del.twice',
    title: 'DEL twice: both succeed',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world), mapped(TCP))
      await attachment.mustDel()
      await attachment.mustDel()
    },
  },
  {
    id: 'portmap.del.next-container',
    title: 'the next container with the same UDP port is reached at once by who spoke to the former one',
    source: `${DOCS}: "conntrack"`,
    needs: NEEDS,
    async run(world) {
      const first = await world.attach(network(world), mapped(UDP))
      const former = await world.serve(first.pod, 'udp', 53)
      const speaker = world.speaker(world.host.outside)
      await speaker.say(UPLINK.ipv4, 8053, () => former.sources.length > 0)
      await first.mustDel()
      await first.pod.remove()
      const second = await world.attach(network(world), mapped(UDP))
      const latter = await world.serve(second.pod, 'udp', 53)
      await speaker.say(UPLINK.ipv4, 8053, () => latter.sources.length > 0)
      expectEqual('source seen by the second container', latter.sources[0], OUTSIDE.ipv4)
    },
  },
  {
    id: 'portmap.check.whole',
    title: 'CHECK succeeds, and is an error when the rules have gone (unless they are back)',
    source: SPEC.check,
    needs: NEEDS,
    async run(world) {
      const plain = world.network(bridge(world), { type: 'portmap', capabilities: { portMappings: true } })
      const attachment = await world.attach(plain, mapped(TCP))
      await attachment.mustCheck()
      await world.host.network.output(['nft', 'flush', 'ruleset'])
      const reply = await attachment.check()
      const { ruleset } = await observeAll(world.host.network)
      if (reply.succeeded)
        expectThat('the rules after CHECK found no fault', ruleset.includes('8080'), 'there', 'gone')
      else expectError(reply)
      await attachment.del()
      attachment.deleted = true
    },
  },
  {
    id: 'portmap.gc.stale',
    title: 'GC takes the mapping of an attachment that is not listed away, and keeps the others',
    source: SPEC.gc,
    needs: { ...NEEDS, speaks: '1.1.0' },
    async run(world) {
      const stays = await world.attach(network(world), mapped(TCP))
      const stale = await world.attach(network(world), mapped(UDP))
      await stale.pod.remove()
      await world.collectGarbage(network(world), [stays])
      stale.deleted = true
      await world.serve(stays.pod, 'tcp', 80)
      expectEqual(
        'source seen',
        await world.visit(world.host.outside, UPLINK.ipv4, 8080, 'tcp'),
        OUTSIDE.ipv4,
      )
      const { ruleset } = await observeAll(world.host.network)
      expectThat('the stale mapping', !ruleset.includes('8053'), 'gone', 'there')
    },
  },
]

export const portmapCases: readonly ConformanceCase[] = [...traffic, ...life]
