import type { ConformanceCase, Needs } from '../../case.ts'
import { bridge, documentation, GATEWAY, SPEC } from '../../configs.ts'
import { expectEqual, expectError, expectThat } from '../../expect.ts'
import { OUTSIDE, UPLINK } from '../../fake-host.ts'
import { observeAll } from '../../observe.ts'
import type { World } from '../../world.ts'
import { deletesTwice, deletesWithoutNamespace, deletesWithoutResult, type LifeSubject } from '../life.ts'
import { type Mapping, mapped, network, TCP, UDP } from './network.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local', 'portmap'], kernel: ['bridge', 'veth', 'nat'] }
const DOCS = documentation('portmap')

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

const LIFE: LifeSubject = {
  type: 'portmap',
  needs: NEEDS,
  attach: world =>
    world.attach(
      world.network(bridge(world), { type: 'portmap', capabilities: { portMappings: true } }),
      mapped(TCP),
    ),
}

/** Results, refusals, DEL, CHECK and GC. */
export const portmapLifeCases: readonly ConformanceCase[] = [
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
  deletesWithoutNamespace(LIFE),
  deletesWithoutResult(LIFE),
  deletesTwice(LIFE),
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
