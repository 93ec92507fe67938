import type { ConformanceCase, Needs } from '../../case.ts'
import { ALL_OR_NOTHING, bridge, hostLocal, range, SPEC, SUBNET } from '../../configs.ts'
import { eventually, expectEqual, expectError, expectThat } from '../../expect.ts'
import { observeLinks } from '../../observe.ts'
import type { World } from '../../world.ts'
import { ports } from './network.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'] }

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

/** What an ADD that fails leaves. */
export const bridgeRollbackCases: readonly ConformanceCase[] = [
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
