import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { overlaps, parsePrefix } from '../ip/index.ts'
import { blockName, type Node, type PodBlock } from '../model/index.ts'
import { planBlocks } from './plan.ts'
import { PrefixIndex } from './prefix-index.ts'
import type { BlockWorld } from './world.ts'

const metadata = (name: string, uid = `uid-${name}`) => ({
  name,
  uid,
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
})

function node(name: string, ...podCIDRs: string[]): Node {
  const spec = podCIDRs[0] === undefined ? {} : { podCIDR: podCIDRs[0], podCIDRs }
  return { apiVersion: 'v1', kind: 'Node', metadata: metadata(name), spec, status: {} }
}

function block(
  cidr: string,
  nodeName: string,
  extra: Partial<PodBlock['spec']> = {},
  attachments?: number,
  leaseSeconds?: number,
): PodBlock {
  const lease = { instance: 'i', bootId: 'b', renewals: 1, seconds: leaseSeconds ?? 0 }
  const status = {
    ...(attachments === undefined ? {} : { attachments }),
    ...(leaseSeconds === undefined ? {} : { lease }),
  }
  const spec = { cidr, nodeName, nodeUID: `uid-${nodeName}`, ...extra }
  return {
    apiVersion: 'podlace.dev/v1alpha1',
    kind: 'PodBlock',
    metadata: metadata(blockName(cidr)),
    spec,
    status,
  }
}

const releasedAt = '2026-01-01T00:00:00Z'
const hourMs = 3_600_000

/** The plan in words, which is what tables compare. */
function plan(
  nodes: readonly Node[],
  blocks: readonly PodBlock[] = [],
  more: Partial<BlockWorld> = {},
): string[] {
  const world: BlockWorld = {
    nodes,
    blocks,
    config: { network: '10.244.0.0/16', backend: { type: 'vxlan' } },
    releasedForMs: new Map(),
    ...more,
  }
  const { actions, problems } = planBlocks(world)
  return [
    ...actions.map(action => {
      if (action.do === 'create-block') return `create ${action.cidr} for ${action.node.metadata.name}`
      if (action.do === 'assign') return `assign ${action.podCidrs.join(' ')} to ${action.node.metadata.name}`
      if (action.do === 'claim-block')
        return `claim ${action.block.spec.cidr} for ${action.node.metadata.name}`
      return `${action.do === 'release-block' ? 'release' : 'delete'} ${action.block.spec.cidr}`
    }),
    ...problems.map(({ reason, message }) => `${reason}: ${message}`),
  ]
}

const dual = {
  config: { network: '10.244.0.0/16', ipv6Network: 'fd00::/48', backend: { type: 'host-gw' } },
} as const
const tiny = { config: { network: '10.1.0.0/26', subnetLength: 28, backend: { type: 'host-gw' } } } as const
const releasedFor = (ms: number) => ({ releasedForMs: new Map([['10.244.1.0-24', ms]]) })
const late = releasedFor(hourMs)
const quick = { network: '10.244.0.0/16', backend: { type: 'vxlan' }, blockCooldownSeconds: 60 } as const

const table: readonly [what: string, actual: () => string[], expected: readonly string[]][] = [
  ['nothing for nobody', () => plan([]), []],
  [
    'a block for each new node',
    () => plan([node('a'), node('b')]),
    ['create 10.244.1.0/24 for a', 'create 10.244.2.0/24 for b'],
  ],
  [
    'the podCIDR once the block is there',
    () => plan([node('a')], [block('10.244.1.0/24', 'a')]),
    ['assign 10.244.1.0/24 to a'],
  ],
  ['nothing when all is well', () => plan([node('a', '10.244.1.0/24')], [block('10.244.1.0/24', 'a')]), []],
  [
    'gaps are filled',
    () =>
      plan(
        [node('a', '10.244.1.0/24'), node('b'), node('c', '10.244.3.0/24'), node('d')],
        [block('10.244.1.0/24', 'a'), block('10.244.3.0/24', 'c')],
      ),
    ['create 10.244.2.0/24 for b', 'create 10.244.4.0/24 for d'],
  ],
  ['release when the node goes', () => plan([], [block('10.244.1.0/24', 'a')]), ['release 10.244.1.0/24']],
  ['reserved during the cooldown', () => plan([], [block('10.244.1.0/24', 'a', { releasedAt })]), []],
  ['and with attachments left', () => plan([], [block('10.244.1.0/24', 'a', { releasedAt }, 3)]), []],
  [
    'free with none left',
    () => plan([], [block('10.244.1.0/24', 'a', { releasedAt }, 0)]),
    ['delete 10.244.1.0/24'],
  ],
  [
    'free after the cooldown',
    () => plan([], [block('10.244.1.0/24', 'a', { releasedAt }, 3)], late),
    ['delete 10.244.1.0/24'],
  ],
  [
    'whose length the network says',
    () => plan([], [block('10.244.1.0/24', 'a', { releasedAt })], { config: quick, ...releasedFor(60_000) }),
    ['delete 10.244.1.0/24'],
  ],
  [
    'but a holder that confirmed a longer one may not know of it',
    () =>
      plan([], [block('10.244.1.0/24', 'a', { releasedAt }, undefined, 600)], {
        config: quick,
        ...releasedFor(599_999),
      }),
    [],
  ],
  [
    'and one that confirmed a shorter one is off by then',
    () => plan([], [block('10.244.1.0/24', 'a', { releasedAt }, undefined, 600)], releasedFor(600_000)),
    ['delete 10.244.1.0/24'],
  ],
  [
    'claimed again by the name',
    () => plan([node('a')], [block('10.244.7.0/24', 'a', { nodeUID: 'old', releasedAt }, 2)]),
    ['claim 10.244.7.0/24 for a'],
  ],
  [
    'also before it was released',
    () => plan([node('a')], [block('10.244.7.0/24', 'a', { nodeUID: 'old' })]),
    ['claim 10.244.7.0/24 for a'],
  ],
  [
    "a reserved block is nobody else's",
    () => plan([node('b')], [block('10.244.1.0/24', 'a', { releasedAt })]),
    ['create 10.244.2.0/24 for b'],
  ],
  ['kubeadm style', () => plan([node('a', '10.244.9.0/24')]), ['create 10.244.9.0/24 for a']],
  [
    'a podCIDR without a block is taken too',
    () => plan([node('a', '10.244.1.0/24'), node('b')]),
    ['create 10.244.1.0/24 for a', 'create 10.244.2.0/24 for b'],
  ],
  [
    'two nodes with one podCIDR',
    () => plan([node('a', '10.244.9.0/24'), node('b', '10.244.9.0/24')]),
    [
      'create 10.244.9.0/24 for a',
      'PodBlockConflict: podCIDR 10.244.9.0/24 of node b overlaps podCIDR 10.244.9.0/24 of node a',
    ],
  ],
  [
    'overlap of another size',
    () => plan([node('a', '10.244.8.0/23'), node('b', '10.244.9.0/24')], [block('10.244.9.0/24', 'b')]),
    ['PodBlockConflict: podCIDR 10.244.8.0/23 of node a overlaps block 10.244.9.0/24 held by node b'],
  ],
  [
    'outside of the network',
    () => plan([node('a', '192.168.1.0/24')]),
    ['PodCidrOutsideNetwork: podCIDR 192.168.1.0/24 of node a is outside of the pod network, 10.244.0.0/16'],
  ],
  [
    'no prefix at all',
    () => plan([node('a', 'x')]),
    ['PodCidrMalformed: podCIDR x of node a is not a prefix like 10.244.3.0/24'],
  ],
  [
    'exhausted',
    () =>
      plan(
        ['a', 'b', 'c', 'd'].map(name => node(name)),
        [],
        tiny,
      ),
    [
      'create 10.1.0.16/28 for a',
      'create 10.1.0.32/28 for b',
      'create 10.1.0.48/28 for c',
      'NoFreePodBlock: pod network 10.1.0.0/26 has no free /28 for node d',
    ],
  ],
  [
    'a network of one block',
    () => plan([node('a')], [], { config: { network: '10.1.0.0/24', backend: { type: 'host-gw' } } }),
    ['create 10.1.0.0/24 for a'],
  ],
  [
    'both families or none',
    () =>
      plan(
        [node('a'), node('b')],
        [block('10.244.1.0/24', 'a'), block('fd00::/64', 'a'), block('10.244.2.0/24', 'b')],
        dual,
      ),
    ['assign 10.244.1.0/24 fd00::/64 to a', 'create fd00:0:0:1::/64 for b'],
  ],
  [
    'a second block is given back',
    () => plan([node('a', '10.244.2.0/24')], [block('10.244.1.0/24', 'a'), block('10.244.2.0/24', 'a')]),
    ['release 10.244.1.0/24'],
  ],
]

describe('planBlocks', () => {
  for (const [what, actual, expected] of table) it(what, () => assert.deepEqual(actual(), expected))

  it('names blocks so that Kubernetes takes the name', () => {
    const names = ['10.244.3.0/24', 'fd00:10:244::/64', '::/64'].map(blockName)
    assert.deepEqual(names, ['10.244.3.0-24', 'fd00-10-244---64', '0---64'])
  })
})

describe('PrefixIndex', () => {
  const prefix = fc.tuple(fc.nat(31), fc.integer({ min: 24, max: 29 })).map(([at, length]) => {
    const host = 2 ** (32 - length)
    return parsePrefix(`10.0.0.${Math.floor((at * 8) / host) * host}/${length}`)
  })

  it('finds exactly what overlaps', () => {
    fc.assert(
      fc.property(fc.array(prefix, { maxLength: 12 }), prefix, (all, wanted) => {
        const index = new PrefixIndex(all.map((prefix, holder) => ({ prefix, holder })))
        const found = [...index.overlapping(wanted)].map(claim => claim.holder).sort((a, b) => a - b)
        assert.deepEqual(
          found,
          [...all.keys()].filter(at => overlaps(all[at] ?? wanted, wanted)),
        )
      }),
    )
  })
})
