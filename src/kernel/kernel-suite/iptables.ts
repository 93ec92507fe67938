import assert from 'node:assert/strict'
import { entryKey, type IptablesChainEntry, iptablesRule } from '../entry.ts'
import type { Operation } from '../operation.ts'
import { bridge } from './entries.ts'
import { codes, type World } from './world.ts'

/** Chains of iptables: only for kernels and machines that have it. */

const masquerade: IptablesChainEntry = {
  kind: 'iptables-chain',
  family: 4,
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
const chains = [masquerade, port]

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
    world.want([{ ...masquerade, ...change }, port])
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
  for (const { family } of chains) foreign.flushIptables(family)
  await world.harness.eventually(() => reconciler.counters.repairs >= 2)
  await world.converges()
  foreign.remove(masquerade)
  await world.harness.eventually(() => reconciler.counters.repairs >= 3)
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
  assert.deepEqual(await apply('create'), [undefined, undefined])
  assert.deepEqual(await apply('create'), ['kernel.exists', 'kernel.exists'])
  assert.deepEqual(await apply('delete'), [undefined, undefined])
  assert.deepEqual(await apply('delete'), [undefined, undefined])
}
