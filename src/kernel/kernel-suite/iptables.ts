import assert from 'node:assert/strict'
import { entryKey, type IptablesChainEntry, iptablesRule } from '../entry.ts'
import type { Operation } from '../operation.ts'
import { bridge } from './entries.ts'
import { codes, type World } from './world.ts'

/** Chains of iptables: only for kernels and machines that have it. */

const masquerade: IptablesChainEntry = {
  kind: 'iptables-chain',
  family: 4,
  table: 'nat',
  name: 'PODLACE-SUITE',
  rules: [
    iptablesRule('suite "a\\b\'c"', '-d', '10.1.0.0/16', '-j', 'RETURN'),
    iptablesRule('suite', '!', '-d', '224.0.0.0/4', '-j', 'MASQUERADE', '--random-fully'),
  ],
  jumps: [
    { from: 'POSTROUTING', rule: iptablesRule('suite', '-s', '10.1.2.3', '-j', 'PODLACE-SUITE') },
    { from: 'POSTROUTING', rule: iptablesRule('suite', '-s', '10.1.2.4/32', '-j', 'PODLACE-SUITE') },
  ],
}
const port: IptablesChainEntry = {
  kind: 'iptables-chain',
  family: 6,
  table: 'nat',
  name: 'PODLACE-PORT',
  rules: [
    iptablesRule('suite', '-i', 'eth+', '-j', 'RETURN'),
    iptablesRule('suite', ...'-p tcp -m tcp --dport 80 -j DNAT --to-destination [fd00::3]:8080'.split(' ')),
  ],
  jumps: (['PREROUTING', 'OUTPUT'] as const).map(from => ({
    from,
    rule: iptablesRule('suite', '-m', 'addrtype', '--dst-type', 'LOCAL', '-j', 'PODLACE-PORT'),
  })),
}
const forward: IptablesChainEntry = {
  kind: 'iptables-chain',
  family: 4,
  table: 'filter',
  name: 'PODLACE-FORWARD',
  rules: [iptablesRule('suite', '-m', 'mark', '--mark', '0x1000/0x1000', '-j', 'ACCEPT')],
  jumps: [{ from: 'FORWARD', rule: iptablesRule('suite', '-j', 'PODLACE-FORWARD') }],
}
const chains = [masquerade, port, forward]

export async function makesChains(world: World): Promise<void> {
  const reconciler = await world.startWith([bridge, ...chains])
  assert.deepEqual(codes(reconciler), [])
  assert.deepEqual(await world.difference(), [])
  await world.harness.rest()
  world.harness.modifications()
  await reconciler.audit()
  assert.equal(world.harness.modifications(), 0)
}

export async function changesChains(world: World): Promise<void> {
  const reconciler = await world.startWith(chains)
  const [first, second] = masquerade.rules
  assert.ok(first !== undefined && second !== undefined)
  const changes: readonly Partial<IptablesChainEntry>[] = [
    { rules: [second, first] },
    { rules: [] },
    { jumps: masquerade.jumps.slice(1) },
    { jumps: [] },
    {},
  ]
  for (const change of changes) {
    world.want([{ ...masquerade, ...change }, port, forward])
    await world.converges()
    await reconciler.settled()
  }
  assert.equal(reconciler.counters.operations, chains.length + changes.length)
  assert.deepEqual(codes(reconciler), [])
}

export async function removesChains(world: World): Promise<void> {
  const reconciler = await world.startWith(chains)
  world.want([port])
  await world.converges()
  await reconciler.stop()
  // What a former life left is nobody's wish now.
  world.want([])
  const next = await world.start(world.harness.restart())
  assert.deepEqual(
    next.history().map(({ op, key }) => `${op} ${key}`),
    [`delete ${entryKey(port)}`],
  )
  assert.deepEqual(await world.difference(), [])
}

export async function repairsChains(world: World): Promise<void> {
  const reconciler = await world.startWith(chains)
  const { foreign } = world.harness
  for (const chain of chains) foreign.flushIptables(chain)
  await world.harness.eventually(() => reconciler.counters.repairs >= 3)
  await world.converges()
  foreign.remove(masquerade)
  await world.harness.eventually(() => reconciler.counters.repairs >= 4)
  await world.converges()
  await reconciler.settled()
  assert.deepEqual(codes(reconciler), [])
}

export async function knowsChains({ harness: { kernel } }: World): Promise<void> {
  const apply = async (op: Operation['op']) => {
    const outcomes = await kernel.apply(chains.map(entry => ({ op, entry, before: entry, why: 'stale' })))
    return outcomes.map(({ error }) => error?.code)
  }
  assert.equal(await kernel.iptablesFault(4), undefined)
  assert.deepEqual(
    await apply('create'),
    chains.map(() => undefined),
  )
  assert.deepEqual(
    await apply('create'),
    chains.map(() => 'kernel.exists'),
  )
  assert.deepEqual(
    await apply('delete'),
    chains.map(() => undefined),
  )
  assert.deepEqual(
    await apply('delete'),
    chains.map(() => undefined),
  )
}
