import type { Attachment } from '../attachment.ts'
import type { ConformanceCase, Needs } from '../case.ts'
import {
  ALL_OR_NOTHING,
  bridge,
  documentation,
  dualStack,
  GATEWAY,
  hostLocal,
  issue,
  range,
  SPEC,
  SUBNET,
} from '../configs.ts'
import { eventually, expectEqual, expectError, expectSuccess, expectThat } from '../expect.ts'
import { OUTSIDE, UPLINK } from '../fake-host.ts'
import { addressesOf, observeAll, observeLink, observeLinks, observeRoutes } from '../observe.ts'
import type { World } from '../world.ts'
import { expectNoLink, hostEnd } from './links.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'] }
const NAT: Needs = { ...NEEDS, kernel: ['bridge', 'veth', 'nat'] }
const DOCS = documentation('bridge')

const defaultRoute = [{ dst: '0.0.0.0/0' }]

function masquerading(world: World) {
  return world.network(bridge(world, { ipMasq: true, ipam: hostLocal(world, { routes: defaultRoute }) }))
}

/** The plugin's ports of the case's bridge. */
async function ports(world: World): Promise<string[]> {
  const links = await observeLinks(world.host.network)
  return links.filter(({ master }) => master === world.bridgeName).map(({ ifname }) => ifname)
}

const masquerade: readonly ConformanceCase[] = [
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

const del: readonly ConformanceCase[] = [
  {
    id: 'bridge.del.all',
    title: 'DEL takes interface, port and address away',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world)))
      await attachment.mustDel()
      await expectNoLink('eth0 in the container', attachment.pod, 'eth0')
      expectEqual('ports of the bridge', await ports(world), [])
    },
  },
  {
    id: 'bridge.del.twice',
    title: 'DEL twice: both succeed',
    source: `${SPEC.del}: "idempotent"`,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world)))
      await attachment.mustDel()
      await attachment.mustDel()
    },
  },
  {
    id: 'bridge.del.nothing',
    title: 'DEL of what was never added succeeds',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attachment(world.network(bridge(world)))
      await attachment.mustDel()
    },
  },
  {
    id: 'bridge.del.no-namespace',
    title: 'DEL after the namespace has gone succeeds and gives the address back',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world)))
      await attachment.pod.remove()
      await attachment.mustDel()
    },
  },
  {
    id: 'bridge.del.no-interface',
    title: 'DEL succeeds if somebody deleted the interface before',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world)))
      await attachment.pod.ip('link delete eth0')
      await attachment.mustDel()
    },
  },
  {
    id: 'bridge.del.no-result',
    title: 'DEL without prevResult does the same',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world)))
      attachment.forgetResult()
      await attachment.mustDel()
      await expectNoLink('eth0 in the container', attachment.pod, 'eth0')
    },
  },
  {
    id: 'bridge.del.no-bridge',
    title: 'DEL succeeds if the bridge has gone',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world)))
      await world.host.network.ip(`link delete ${world.bridgeName}`)
      await attachment.mustDel()
    },
  },
  {
    id: 'bridge.del.no-rules',
    title: 'DEL succeeds if somebody flushed the packet filters before',
    source: SPEC.del,
    needs: NAT,
    async run(world) {
      const attachment = await world.attach(masquerading(world))
      await world.host.network.output(['nft', 'flush', 'ruleset'])
      await attachment.mustDel()
    },
  },
  {
    id: 'bridge.del.others-stay',
    title: 'DEL of one pod leaves the other one connected',
    source: SPEC.del,
    needs: NAT,
    async run(world) {
      const network = masquerading(world)
      const first = await world.attach(network)
      const second = await world.attach(network)
      await first.mustDel()
      await world.serve(world.host.outside, 'udp', 9000)
      expectEqual('source seen outside', await world.visit(second.pod, OUTSIDE.ipv4, 9000), UPLINK.ipv4)
    },
  },
]

/** How somebody may damage what ADD made. */
interface Damage {
  readonly id: string
  readonly title: string
  /** The network masquerades; else a fault of that would be counted here, too. */
  readonly masquerades?: boolean
  readonly break: (world: World, attachment: Attachment) => Promise<unknown>
}

const DAMAGES: readonly Damage[] = [
  {
    id: 'address',
    title: 'the address of the container',
    break: (_, { pod, result }) => pod.ip(`address delete ${result.ips[0]?.address ?? ''} dev eth0`),
  },
  {
    id: 'route',
    title: 'a route of the container',
    break: (_, { pod }) => pod.ip('route delete 10.99.0.0/16'),
  },
  { id: 'interface', title: 'the interface', break: (_, { pod }) => pod.ip('link delete eth0') },
  {
    id: 'port',
    title: 'the membership of the host end in the bridge',
    break: async (world, attachment) =>
      world.host.network.ip(`link set ${(await hostEnd(world, attachment)).ifname} nomaster`),
  },
  {
    id: 'bridge',
    title: 'the bridge',
    break: world => world.host.network.ip(`link delete ${world.bridgeName}`),
  },
  {
    id: 'gateway',
    title: 'the gateway address of the bridge',
    break: world => world.host.network.ip(`address delete 10.22.0.1/24 dev ${world.bridgeName}`),
  },
  {
    id: 'masquerade',
    title: 'the masquerading',
    masquerades: true,
    break: world => world.host.network.output(['nft', 'flush', 'ruleset']),
  },
]

const check: readonly ConformanceCase[] = [
  {
    id: 'bridge.check.whole',
    title: 'CHECK of an attachment as ADD left it succeeds',
    source: SPEC.check,
    needs: NAT,
    async run(world) {
      const attachment = await world.attach(masquerading(world))
      await attachment.mustCheck()
    },
  },
  {
    id: 'bridge.check.routes',
    title: 'CHECK succeeds with a route that names no gateway',
    source: SPEC.check,
    needs: NEEDS,
    async run(world) {
      const ipam = hostLocal(world, { routes: [{ dst: '10.99.0.0/16' }] })
      const attachment = await world.attach(world.network(bridge(world, { ipam })))
      await attachment.mustCheck()
    },
  },
  {
    id: 'bridge.check.deleted',
    title: 'CHECK after DEL is an error',
    source: SPEC.check,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world)))
      await attachment.mustDel()
      expectError(await attachment.check())
    },
  },
  {
    id: 'bridge.check.no-namespace',
    title: 'CHECK after the namespace has gone is an error',
    source: SPEC.check,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world)))
      await attachment.pod.remove()
      expectError(await attachment.check())
    },
  },
  ...DAMAGES.map(damage => ({
    id: `bridge.check.no-${damage.id}`,
    title: `CHECK notices that ${damage.title} has gone (if it is not back by then)`,
    source: SPEC.check,
    needs: NAT,
    async run(world: World) {
      const routes = [...defaultRoute, { dst: '10.99.0.0/16', gw: GATEWAY.ipv4 }]
      const ipMasq = damage.masquerades ?? false
      const network = world.network(bridge(world, { ipMasq, ipam: hostLocal(world, { routes }) }))
      const attachment = await world.attach(network)
      await attachment.mustCheck()
      const before = await fingerprint(world, attachment)
      await damage.break(world, attachment)
      const reply = await attachment.check()
      // A plugin with a daemon may repair what is missing: then there is nothing to notice.
      if (reply.succeeded) {
        const after = await fingerprint(world, attachment)
        for (const [what, value] of before)
          expectEqual(`CHECK found no fault, but ${what}`, after.get(what), value)
      } else expectError(reply)
      // How DEL takes damage is asked by other cases.
      await attachment.del()
      attachment.deleted = true
    },
  })),
]

/** What the damages damage, in comparable form. */
async function fingerprint(world: World, { pod }: Attachment): Promise<Map<string, unknown>> {
  const { links, ruleset } = await observeAll(world.host.network)
  const routes = await observeRoutes(pod, 4)
  return new Map<string, unknown>([
    ['the addresses of the container', addressesOf(await observeLink(pod, 'eth0'))],
    ['the routes of the container', routes.map(({ dst, gateway = '' }) => `${dst} ${gateway}`)],
    [
      'the addresses of the bridge',
      links.filter(({ ifname }) => ifname === world.bridgeName).flatMap(addressesOf),
    ],
    ['the ports of the bridge', links.filter(({ master }) => master === world.bridgeName).length],
    ['masquerading', /masquerade/i.test(ruleset)],
  ])
}

const rollback: readonly ConformanceCase[] = [
  {
    id: 'bridge.rollback.exhausted',
    title: 'ADD without a free address leaves nothing: no port, no interface',
    source: ALL_OR_NOTHING,
    needs: NEEDS,
    async run(world) {
      const network = world.network(
        bridge(world, { ipam: hostLocal(world, { ranges: [range('10.22.0.0/30')] }) }),
      )
      const first = await world.attach(network)
      const before = await ports(world)
      const second = await world.attachment(network)
      expectError(await second.add())
      await nothingOf(world, second, before)
      await first.mustCheck()
    },
  },
  {
    id: 'bridge.rollback.bad-route',
    title: 'ADD with a route that the kernel refuses leaves nothing, and the address is free again',
    source: ALL_OR_NOTHING,
    needs: NEEDS,
    async run(world) {
      const routes = [{ dst: '10.99.0.0/16', gw: '224.0.0.5' }]
      const network = world.network(bridge(world, { ipam: hostLocal(world, { routes }) }))
      const attachment = await world.attachment(network)
      expectError(await attachment.add())
      await nothingOf(world, attachment, [])
      const good = await world.attach(
        world.network(
          bridge(world, {
            ipam: hostLocal(world, {
              ranges: [range(SUBNET.ipv4, { rangeStart: '10.22.0.2', rangeEnd: '10.22.0.2' })],
            }),
          }),
        ),
      )
      expectEqual('the address that was given back', good.address, '10.22.0.2')
    },
  },
  {
    id: 'bridge.rollback.no-namespace',
    title: 'ADD into a namespace that is not there is an error and leaves nothing',
    source: SPEC.add,
    needs: NEEDS,
    async run(world) {
      const pod = await world.pod()
      await pod.remove()
      const attachment = await world.attachment(world.network(bridge(world)), { pod })
      expectError(await attachment.add())
      expectEqual('ports of the bridge', await ports(world), [])
    },
  },
  {
    id: 'bridge.rollback.no-ipam',
    title: 'ADD whose IPAM plugin is not there is an error and leaves nothing',
    source: ALL_OR_NOTHING,
    needs: NEEDS,
    async run(world) {
      const network = world.network(bridge(world, { ipam: { type: 'no-such-ipam' } }))
      const attachment = await world.attachment(network)
      expectError(await attachment.add())
      await nothingOf(world, attachment, [])
    },
  },
  {
    id: 'bridge.rollback.retry',
    title: 'ADD that failed works with the same container after DEL, once the cause has gone',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const network = world.network(
        bridge(world, { ipam: hostLocal(world, { ranges: [range('10.22.0.0/30')] }) }),
      )
      const first = await world.attach(network)
      const second = await world.attachment(network)
      expectError(await second.add())
      await second.mustDel()
      await first.mustDel()
      await second.mustAdd()
      expectEqual('its address', second.address, '10.22.0.2')
    },
  },
]

/** Nothing of an ADD that failed is there before anybody calls DEL. */
async function nothingOf(
  world: World,
  { pod }: { readonly pod: Parameters<typeof observeLinks>[0] },
  portsBefore: readonly string[],
): Promise<void> {
  const inside = (await observeLinks(pod)).map(({ ifname }) => ifname).filter(name => name === 'eth0')
  expectEqual('eth0 in the container', inside, [])
  const gone = await eventually(
    world.clock,
    async () => (await ports(world)).length === portsBefore.length || undefined,
  )
  expectThat(
    'ports of the bridge',
    gone === true,
    `as before: ${portsBefore.join(', ') || 'none'}`,
    await ports(world),
  )
}

export const bridgeLifeCases: readonly ConformanceCase[] = [...masquerade, ...del, ...check, ...rollback]
