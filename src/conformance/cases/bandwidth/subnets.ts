import type { ConformanceCase, Needs } from '../../case.ts'
import { bridge, documentation, issue, SUBNET } from '../../configs.ts'
import { expectError } from '../../expect.ts'
import type { World } from '../../world.ts'
import { EGRESS, expectDirections, INGRESS } from './flood.ts'

const NEEDS: Needs = {
  plugins: ['bridge', 'host-local', 'bandwidth'],
  kernel: ['bridge', 'veth', 'ifb', 'htb'],
}
const SOURCE = `${documentation('bandwidth')}, ${issue('plugins', 921)}`

/** Container and host are in this one; nobody is in the other. */
const BOTH = SUBNET.ipv4
const NEITHER = '10.23.0.0/24'

function network(world: World, subnets: Readonly<Record<string, readonly string[]>>) {
  return world.network(bridge(world), { type: 'bandwidth', ...INGRESS, ...EGRESS, ...subnets })
}

const SHAPED = { ingress: true, egress: true } as const
const FREE = { ingress: false, egress: false } as const

/** Limits of some traffic only. */
export const bandwidthSubnetCases: readonly ConformanceCase[] = [
  ...(
    [
      ['shaped', 'traffic of shapedSubnets is held back', { shapedSubnets: [NEITHER, BOTH] }, SHAPED],
      ['not-shaped', 'traffic outside of shapedSubnets is not held back', { shapedSubnets: [NEITHER] }, FREE],
      ['unshaped', 'traffic of unshapedSubnets is not held back', { unshapedSubnets: [NEITHER, BOTH] }, FREE],
      [
        'not-unshaped',
        'traffic outside of unshapedSubnets is held back',
        { unshapedSubnets: [NEITHER, 'fd00:23::/64'] },
        SHAPED,
      ],
    ] as const
  ).map(([id, title, subnets, held]) => ({
    id: `bandwidth.subnets.${id}`,
    title,
    source: SOURCE,
    needs: NEEDS,
    async run(world: World) {
      const attachment = await world.attach(network(world, subnets))
      await attachment.mustCheck()
      await expectDirections(world, attachment, held)
    },
  })),
  ...(
    [
      ['both', 'shapedSubnets beside unshapedSubnets', { shapedSubnets: [BOTH], unshapedSubnets: [NEITHER] }],
      ['malformed', 'a subnet that is none', { unshapedSubnets: [BOTH, 'hello'] }],
    ] as const
  ).map(([id, what, subnets]) => ({
    id: `bandwidth.subnets.${id}`,
    title: `${what}: refused`,
    source: SOURCE,
    needs: NEEDS,
    async run(world: World) {
      const attachment = await world.attachment(network(world, subnets))
      expectError(await attachment.add())
    },
  })),
]
