import type { ConformanceCase, Needs } from '../../case.ts'
import { bridge, documentation, GATEWAY, SPEC } from '../../configs.ts'
import { expectEqual, expectError } from '../../expect.ts'
import { addressesOf, observeLink, observeLinks } from '../../observe.ts'
import type { World } from '../../world.ts'
import { refusesExistingInterface } from '../existing-interface.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'] }
const DOCS = documentation('bridge')

/** A configuration that is refused, and nothing is made. */
async function refuses(world: World, extra: Readonly<Record<string, unknown>>): Promise<void> {
  const attachment = await world.attachment(world.network(bridge(world, extra)))
  expectError(await attachment.add())
  const links = await observeLinks(world.host.network)
  expectEqual(
    'links of the refused network',
    links.filter(({ ifname }) => ifname === world.bridgeName),
    [],
  )
}

/** What ADD refuses, without a trace. */
export const bridgeRefusalCases: readonly ConformanceCase[] = [
  {
    id: 'bridge.add.hairpin-and-promisc',
    title: 'hairpinMode together with promiscMode is refused before anything is made',
    source: DOCS,
    needs: NEEDS,
    run: world => refuses(world, { hairpinMode: true, promiscMode: true }),
  },
  {
    id: 'bridge.add.ipam-and-interface-down',
    title: 'disableContainerInterface together with ipam is refused before anything is made',
    source: `${DOCS} (v1.5)`,
    needs: NEEDS,
    run: world => refuses(world, { disableContainerInterface: true }),
  },
  {
    id: 'bridge.add.bad-vlan',
    title: 'a VLAN above 4094 is refused before anything is made',
    source: DOCS,
    needs: NEEDS,
    run: world => refuses(world, { vlan: 4095 }),
  },
  {
    id: 'bridge.add.wrong-type',
    title: 'a key with a value of the wrong type is refused before anything is made',
    source: SPEC.errors,
    needs: NEEDS,
    run: world => refuses(world, { isGateway: 'yes' }),
  },
  {
    id: 'bridge.add.foreign-link',
    title: 'a link of the bridge’s name that is no bridge is refused and stays',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      await world.host.network.ip(`link add ${world.bridgeName} type veth peer name ${world.bridgeName}p`)
      const attachment = await world.attachment(world.network(bridge(world)))
      expectError(await attachment.add())
      const link = await observeLink(world.host.network, world.bridgeName)
      expectEqual('kind of the link', link?.linkinfo?.info_kind, 'veth')
      await world.host.network.ip(`link delete ${world.bridgeName}`)
    },
  },
  {
    id: 'bridge.add.other-address',
    title: 'forceAddress false: another address on the bridge is an error, and stays',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      await world.host.network.ip(`link add ${world.bridgeName} type bridge`)
      await world.host.network.ip(`address add 10.77.0.1/24 dev ${world.bridgeName}`)
      const attachment = await world.attachment(world.network(bridge(world)))
      expectError(await attachment.add())
      expectEqual(
        'addresses of the bridge',
        addressesOf(await observeLink(world.host.network, world.bridgeName)),
        ['10.77.0.1/24'],
      )
    },
  },
  {
    id: 'bridge.add.force-address',
    title: 'forceAddress true: the gateway address takes the place of the other one',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      await world.host.network.ip(`link add ${world.bridgeName} type bridge`)
      await world.host.network.ip(`address add 10.77.0.1/24 dev ${world.bridgeName}`)
      await world.attach(world.network(bridge(world, { forceAddress: true })))
      expectEqual(
        'addresses of the bridge',
        addressesOf(await observeLink(world.host.network, world.bridgeName)),
        ['10.22.0.1/24'],
      )
    },
  },
  refusesExistingInterface('bridge', NEEDS, world => world.network(bridge(world))),
  {
    id: 'bridge.add.twice',
    title: 'ADD twice for the same container and interface is an error; the first one stays whole',
    source: SPEC.add,
    needs: NEEDS,
    async run(world) {
      const network = world.network(bridge(world))
      const first = await world.attach(network)
      const again = await world.attachment(network, first.options)
      expectError(await again.add())
      expectEqual('addresses of eth0', addressesOf(await observeLink(first.pod, 'eth0')), [
        first.result.ips[0]?.address,
      ])
      await world.serve(world.host.network, 'udp', 9000)
      expectEqual('source seen by the host', await world.visit(first.pod, GATEWAY.ipv4, 9000), first.address)
      again.deleted = true
    },
  },
]
