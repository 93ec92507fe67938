import type { Attachment } from '../../attachment.ts'
import type { ConformanceCase, Needs } from '../../case.ts'
import { bridge, GATEWAY, hostLocal, SPEC } from '../../configs.ts'
import { expectEqual, expectError } from '../../expect.ts'
import { addressesOf, observeAll, observeLink, observeRoutes } from '../../observe.ts'
import type { World } from '../../world.ts'
import { checksDeleted, checksWhole } from '../life.ts'
import { hostEnd } from '../links.ts'
import { masquerading } from './network.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'] }
const NAT: Needs = { ...NEEDS, kernel: ['bridge', 'veth', 'nat'] }

const defaultRoute = [{ dst: '0.0.0.0/0' }]

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

/** What CHECK notices. */
export const bridgeCheckCases: readonly ConformanceCase[] = [
  checksWhole({ type: 'bridge', needs: NAT, attach: world => world.attach(masquerading(world)) }),
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
  checksDeleted({
    type: 'bridge',
    needs: NEEDS,
    attach: world => world.attach(world.network(bridge(world))),
  }),
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
