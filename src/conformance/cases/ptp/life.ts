import type { ConformanceCase, Needs } from '../../case.ts'
import {
  ALL_OR_NOTHING,
  documentation,
  dualStack,
  hostLocal,
  issue,
  ptp,
  range,
  SPEC,
} from '../../configs.ts'
import { expectEqual, expectError, expectThat } from '../../expect.ts'
import { OUTSIDE, UPLINK } from '../../fake-host.ts'
import { observeLinks, observeRoutes } from '../../observe.ts'
import type { World } from '../../world.ts'
import {
  checksDeleted,
  checksWhole,
  deletesTwice,
  deletesWithoutNamespace,
  type LifeSubject,
} from '../life.ts'
import { expectNoLink, hostEnd } from '../links.ts'

const NEEDS: Needs = { plugins: ['ptp', 'host-local'], kernel: ['veth'] }
const NAT: Needs = { ...NEEDS, kernel: ['veth', 'nat'] }
const DOCS = documentation('ptp')

const LIFE: LifeSubject = {
  type: 'ptp',
  needs: NEEDS,
  attach: world => world.attach(world.network(ptp(world))),
}

/** ipMasq: what others see of a container. */
export const ptpMasqueradeCases: readonly ConformanceCase[] = [
  {
    id: 'ptp.masquerade.outside',
    title: 'ipMasq: a machine outside sees the host’s address',
    source: DOCS,
    needs: NAT,
    async run(world) {
      const { pod } = await world.attach(world.network(ptp(world, { ipMasq: true })))
      await world.serve(world.host.outside, 'udp', 9000)
      expectEqual('source seen outside', await world.visit(pod, OUTSIDE.ipv4, 9000), UPLINK.ipv4)
    },
  },
  {
    id: 'ptp.masquerade.outside-ipv6',
    title: 'ipMasq: so it does with IPv6',
    source: DOCS,
    needs: { ...NEEDS, kernel: ['veth', 'nat', 'ipv6'] },
    async run(world) {
      const { pod } = await world.attach(world.network(ptp(world, { ipMasq: true, ipam: dualStack(world) })))
      await world.serve(world.host.outside, 'udp', 9000, 6)
      expectEqual('source seen outside', await world.visit(pod, OUTSIDE.ipv6, 9000), UPLINK.ipv6)
    },
  },
  {
    id: 'ptp.masquerade.del-without-namespace',
    title: 'DEL after the namespace has gone takes the rules of the container away',
    source: issue('plugins', 810),
    needs: NAT,
    async run(world) {
      const attachment = await world.attach(world.network(ptp(world, { ipMasq: true })))
      await attachment.pod.remove()
      await attachment.mustDel()
    },
  },
]

/** How somebody may damage what ADD made in the container. */
const DAMAGES = [
  { id: 'address', what: 'address', command: 'address flush dev eth0' },
  { id: 'route', what: 'default route', command: 'route delete default' },
] as const

/** DEL, CHECK, and ADDs that fail. */
export const ptpLifeCases: readonly ConformanceCase[] = [
  {
    id: 'ptp.del.all',
    title: 'DEL takes the interface, its host end and the route away',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(ptp(world)))
      const { ifname } = await hostEnd(world, attachment)
      await attachment.mustDel()
      await expectNoLink('eth0 in the container', attachment.pod, 'eth0')
      await expectNoLink('the host end', world.host.network, ifname)
    },
  },
  deletesTwice(LIFE),
  deletesWithoutNamespace(LIFE),
  checksWhole(LIFE),
  ...DAMAGES.map(({ id, what, command }) => ({
    id: `ptp.check.no-${id}`,
    title: `CHECK notices that the ${what} of the container has gone`,
    source: SPEC.check,
    needs: NEEDS,
    async run(world: World) {
      const attachment = await LIFE.attach(world)
      await attachment.pod.ip(command)
      expectError(await attachment.check())
    },
  })),
  {
    id: 'ptp.check.no-host-route',
    title: 'CHECK notices that the host’s route to the container has gone (if it is not back by then)',
    source: SPEC.check,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(ptp(world)))
      await world.host.network.ip(`route delete ${attachment.address}`)
      const reply = await attachment.check()
      const routes = await observeRoutes(world.host.network, 4)
      const back = routes.some(({ dst }) => dst === attachment.address)
      if (reply.succeeded) expectThat('the route after CHECK found no fault', back, 'there', 'gone')
      else expectError(reply)
    },
  },
  checksDeleted(LIFE),
  {
    id: 'ptp.rollback.exhausted',
    title: 'ADD without a free address leaves nothing',
    source: ALL_OR_NOTHING,
    needs: NEEDS,
    async run(world) {
      const network = world.network(
        ptp(world, { ipam: hostLocal(world, { ranges: [range('10.22.0.0/30')] }) }),
      )
      await world.attach(network)
      const before = (await observeLinks(world.host.network)).length
      const second = await world.attachment(network)
      expectError(await second.add())
      await expectNoLink('eth0 in the container', second.pod, 'eth0')
      expectEqual('number of links of the host', (await observeLinks(world.host.network)).length, before)
    },
  },
  {
    id: 'ptp.rollback.bad-route',
    title: 'ADD with a route that the kernel refuses leaves nothing',
    source: ALL_OR_NOTHING,
    needs: NEEDS,
    async run(world) {
      const ipam = hostLocal(world, { routes: [{ dst: '10.99.0.0/16', gw: '224.0.0.5' }] })
      const attachment = await world.attachment(world.network(ptp(world, { ipam })))
      expectError(await attachment.add())
      await expectNoLink('eth0 in the container', attachment.pod, 'eth0')
    },
  },
]
