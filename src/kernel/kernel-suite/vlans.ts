import assert from 'node:assert/strict'
import type { BridgeVlan, Entry, LinkEntry } from '../entry.ts'
import { bridge, veth } from './entries.ts'
import { codes, type World } from './world.ts'

/** VLANs of a bridge and its ports: only for kernels that have them (CONFIG_BRIDGE_VLAN_FILTERING). */

const access: readonly BridgeVlan[] = [{ id: 100, pvid: true, untagged: true }]
const trunk: readonly BridgeVlan[] = [{ id: 5 }, ...Array.from({ length: 11 }, (_, n) => ({ id: 200 + n }))]
const filtering = { ...bridge, type: 'bridge', vlanFiltering: true } as const

const wants = (vlans: readonly BridgeVlan[], changes: Partial<typeof filtering> = {}): Entry[] => [
  { ...filtering, ...changes },
  { ...veth, bridgePort: { hairpin: true, vlans } },
]

/** The VLANs that are there, as `5`, or `100 pvid untagged`. */
async function vlansOf(world: World, name: string): Promise<string[]> {
  const entry = (await world.observed()).get(`link ${name}`)?.entry
  const link = entry?.kind === 'link' ? entry : undefined
  const vlans = link?.type === 'bridge' ? link.vlans : link?.bridgePort?.vlans
  return (vlans ?? [])
    .toSorted((a, b) => a.id - b.id)
    .map(({ id, pvid, untagged }) => `${id}${pvid ? ' pvid' : ''}${untagged ? ' untagged' : ''}`)
}

export async function makesVlans(world: World): Promise<void> {
  const reconciler = await world.startWith(wants(access))
  assert.deepEqual(codes(reconciler), [])
  assert.deepEqual(await world.difference(), [])
  assert.deepEqual(await vlansOf(world, 'vh0'), ['100 pvid untagged'])
  const { operations } = reconciler.counters
  await reconciler.audit()
  assert.equal(reconciler.counters.operations, operations)
}

export async function changesVlans(world: World): Promise<void> {
  const reconciler = await world.startWith(wants(access))
  for (const [vlans, expected] of [
    [trunk, trunk.map(({ id }) => `${id}`)],
    [
      [...trunk.slice(0, 3), { id: 7, untagged: true }],
      ['5', '7 untagged', '200', '201'],
    ],
    [[], []],
  ] as const) {
    world.want(wants(vlans))
    await world.converges()
    assert.deepEqual(await vlansOf(world, 'vh0'), expected)
  }
  await reconciler.settled()
  assert.deepEqual(codes(reconciler), [])
}

export async function joinsItself(world: World): Promise<void> {
  const own = { vlans: [{ id: 1, pvid: true, untagged: true }, { id: 100 }] }
  await world.startWith([{ ...filtering, ...own }])
  assert.deepEqual(await world.difference(), [])
  assert.deepEqual(await vlansOf(world, 'br0'), ['1 pvid untagged', '100'])
  world.want([{ ...filtering, vlans: [{ id: 100 }] }])
  await world.converges()
  assert.deepEqual(await vlansOf(world, 'br0'), ['100'])
}

export async function keepsForeignVlans(world: World): Promise<void> {
  const wanted: LinkEntry = {
    kind: 'link',
    type: 'device',
    name: 'nic0',
    claim: 'use',
    owner: '',
    master: 'br0',
    bridgePort: { vlans: [{ id: 300 }] },
  }
  world.harness.foreign.add({ kind: 'link', type: 'ifb', name: 'nic0', claim: 'use', owner: '' })
  await world.startWith([filtering, wanted])
  assert.deepEqual(await world.difference(), [])
  assert.deepEqual(await vlansOf(world, 'nic0'), ['1 pvid untagged', '300'])
}

export async function findsThemDone(world: World): Promise<void> {
  const { foreign } = world.harness
  const port: LinkEntry = {
    kind: 'link',
    type: 'device',
    name: 'nic0',
    claim: 'use',
    owner: '',
    master: 'br0',
    up: true,
  }
  foreign.add({ kind: 'link', type: 'ifb', name: 'nic0', claim: 'use', owner: '' })
  const reconciler = await world.startWith([filtering, port])
  const { operations } = reconciler.counters
  world.want([filtering, { ...port, bridgePort: { vlans: [{ id: 1, pvid: true, untagged: true }] } }])
  await world.converges()
  await reconciler.settled()
  await reconciler.audit()
  // The first look may be one: nobody had asked before.
  assert.ok(reconciler.counters.operations <= operations + 1)
  assert.deepEqual(codes(reconciler), [])
}

export async function keepsDefault(world: World): Promise<void> {
  await world.startWith([{ ...filtering, vlanDefaultPvid: 0 }, veth])
  assert.deepEqual(await world.difference(), [])
  world.want([
    { ...filtering, vlanDefaultPvid: 0 },
    { ...veth, bridgePort: { vlans: [] } },
  ])
  await world.converges()
  assert.deepEqual(await vlansOf(world, 'vh0'), [])
}
