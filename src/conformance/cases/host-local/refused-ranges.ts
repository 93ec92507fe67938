import type { ConformanceCase, Needs } from '../../case.ts'
import { documentation, range, SUBNET } from '../../configs.ts'
import { expectError } from '../../expect.ts'
import type { World } from '../../world.ts'
import { network } from './network.ts'

const NEEDS: Needs = { plugins: ['host-local'] }
const DOCS = documentation('host-local')

/** Configurations of ranges that cannot be meant. */
const BAD_RANGES: readonly {
  readonly id: string
  readonly what: string
  readonly ipam: Readonly<Record<string, unknown>>
}[] = [
  { id: 'none', what: 'no ranges', ipam: { ranges: undefined } },
  { id: 'empty-set', what: 'a set without a range', ipam: { ranges: [[]] } },
  { id: 'no-prefix', what: 'a subnet without a prefix length', ipam: { ranges: [range('10.22.0.0')] } },
  { id: 'long-prefix', what: 'a prefix length above 32', ipam: { ranges: [range('10.22.0.0/33')] } },
  { id: 'host-bits', what: 'a subnet with host bits', ipam: { ranges: [range('10.22.0.7/24')] } },
  { id: 'one-address', what: 'a subnet of one address', ipam: { ranges: [range('10.22.0.0/32')] } },
  {
    id: 'start-outside',
    what: 'a rangeStart outside of the subnet',
    ipam: { ranges: [range(SUBNET.ipv4, { rangeStart: '10.23.0.5' })] },
  },
  {
    id: 'end-outside',
    what: 'a rangeEnd outside of the subnet',
    ipam: { ranges: [range(SUBNET.ipv4, { rangeEnd: '10.23.0.5' })] },
  },
  {
    id: 'backwards',
    what: 'a rangeEnd before the rangeStart',
    ipam: { ranges: [range(SUBNET.ipv4, { rangeStart: '10.22.0.9', rangeEnd: '10.22.0.5' })] },
  },
  {
    id: 'overlap',
    what: 'two sets that overlap',
    ipam: { ranges: [range('10.22.0.0/24'), range('10.22.0.128/25')] },
  },
  {
    id: 'overlap-in-set',
    what: 'two ranges of a set that overlap',
    ipam: { ranges: [[...range('10.22.0.0/24'), ...range('10.22.0.128/25')]] },
  },
  {
    id: 'mixed-set',
    what: 'both families in one set',
    ipam: { ranges: [[...range(SUBNET.ipv4), ...range(SUBNET.ipv6)]] },
  },
  {
    id: 'bad-gateway',
    what: 'a gateway that is no address',
    ipam: { ranges: [range(SUBNET.ipv4, { gateway: '10.22.0' })] },
  },
]

/** Configurations that are refused. */
export const hostLocalRefusalCases: readonly ConformanceCase[] = BAD_RANGES.map(({ id, what, ipam }) => ({
  id: `host-local.ranges.${id}`,
  title: `${what}: refused`,
  source: DOCS,
  needs: NEEDS,
  async run(world: World) {
    const attachment = await world.attachment(network(world, ipam))
    expectError(await attachment.add())
  },
}))
