import type { ConformanceCase, Needs } from '../../case.ts'
import { bridge, documentation, GATEWAY } from '../../configs.ts'
import { expectEqual, expectError, expectIncludes } from '../../expect.ts'
import { type ObservedVlan, observeVlans } from '../../observe.ts'
import type { World } from '../../world.ts'
import { hostEnd } from '../links.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'] }
const VLAN: Needs = { ...NEEDS, kernel: ['bridge', 'veth', 'bridge-vlan'] }
const DOCS = documentation('bridge')

type Extra = Readonly<Record<string, unknown>>

/** VLANs of the container's port: `100 untagged`, `200 tagged`. */
async function portVlans(world: World, extra: Extra): Promise<string[]> {
  const attachment = await world.attach(world.network(bridge(world, { isGateway: false, ...extra })))
  const { ifname } = await hostEnd(world, attachment)
  return (await observeVlans(world.host.network, ifname)).flatMap(vlanTexts).sort()
}

function vlanTexts({ vlan, vlanEnd = vlan, flags }: ObservedVlan): string[] {
  const how = flags.includes('Egress Untagged') ? 'untagged' : 'tagged'
  return Array.from({ length: vlanEnd - vlan + 1 }, (_, index) => `${vlan + index} ${how}`)
}

async function refuses(world: World, extra: Extra): Promise<void> {
  const attachment = await world.attachment(world.network(bridge(world, extra)))
  expectError(await attachment.add())
}

/** VLANs of ports. */
export const bridgeVlanCases: readonly ConformanceCase[] = [
  {
    id: 'bridge.vlan.port',
    title: 'vlan: the port has it, untagged',
    source: DOCS,
    needs: VLAN,
    async run(world) {
      expectIncludes('VLANs of the port', await portVlans(world, { vlan: 100 }), '100 untagged')
    },
  },
  {
    id: 'bridge.vlan.no-default',
    title: 'vlan without preserveDefaultVlan: it is the port’s only one',
    source: `${DOCS} (v1.3)`,
    needs: VLAN,
    async run(world) {
      const found = await portVlans(world, { vlan: 100, preserveDefaultVlan: false })
      expectEqual('VLANs of the port', found, ['100 untagged'])
    },
  },
  {
    id: 'bridge.vlan.preserve-default',
    title: 'preserveDefaultVlan: the port keeps VLAN 1, too',
    source: `${DOCS} (v1.3)`,
    needs: VLAN,
    async run(world) {
      const found = await portVlans(world, { vlan: 100, preserveDefaultVlan: true })
      expectEqual('VLANs of the port', found, ['1 untagged', '100 untagged'])
    },
  },
  {
    id: 'bridge.vlan.trunk',
    title: 'vlanTrunk: the port has all of them, tagged',
    source: `${DOCS} (v1.3)`,
    needs: VLAN,
    async run(world) {
      const vlanTrunk = [{ id: 101 }, { minID: 200, maxID: 202 }]
      const found = await portVlans(world, { vlanTrunk, preserveDefaultVlan: false })
      const tagged = found.filter(text => text.endsWith(' tagged'))
      expectEqual('tagged VLANs of the port', tagged, [
        '101 tagged',
        '200 tagged',
        '201 tagged',
        '202 tagged',
      ])
    },
  },
  {
    id: 'bridge.vlan.traffic',
    title: 'containers of one VLAN reach each other, those of another VLAN do not reach them',
    source: DOCS,
    needs: VLAN,
    async run(world) {
      const first = await world.attach(world.network(bridge(world, { isGateway: false, vlan: 100 })))
      const second = await world.attach(world.network(bridge(world, { isGateway: false, vlan: 100 })))
      const third = await world.attach(world.network(bridge(world, { isGateway: false, vlan: 200 })))
      await world.serve(second.pod, 'udp', 9000)
      expectEqual('source seen', await world.visit(first.pod, second.address, 9000), first.address)
      const stranger = await world.visit(third.pod, second.address, 9000, 'udp', 400)
      expectEqual('source seen of the other VLAN', stranger, undefined)
    },
  },
  {
    id: 'bridge.vlan.gateway',
    title: 'the gateway of a VLAN is reached by its containers',
    source: DOCS,
    needs: VLAN,
    async run(world) {
      const { pod, address } = await world.attach(world.network(bridge(world, { vlan: 100 })))
      await world.serve(world.host.network, 'udp', 9000)
      expectEqual('source seen', await world.visit(pod, GATEWAY.ipv4, 9000), address)
    },
  },
  ...(
    [
      ['id-zero', 'an id of 0', [{ id: 0 }]],
      ['id-large', 'an id above 4094', [{ id: 4095 }]],
      ['half-range', 'a range without its end', [{ minID: 100 }]],
      ['backwards', 'a range that goes backwards', [{ minID: 200, maxID: 100 }]],
    ] as const
  ).map(([id, title, vlanTrunk]) => ({
    id: `bridge.vlan.trunk-${id}`,
    title: `vlanTrunk: ${title} is refused`,
    source: `${DOCS} (v1.3)`,
    needs: NEEDS,
    run: (world: World) => refuses(world, { isGateway: false, vlanTrunk }),
  })),
]
