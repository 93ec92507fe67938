import assert from 'node:assert/strict'
import type { Entry } from '../entry.ts'
import { applyOnce, checkOnce } from '../once.ts'
import { bridge, OWNER, veth } from './entries.ts'
import type { World } from './world.ts'

const podEntries: readonly Entry[] = [
  { kind: 'link', type: 'device', name: 'lo', claim: 'use', owner: OWNER, up: true },
  { kind: 'route', dst: '0.0.0.0/0', table: 254, metric: 0, link: 'eth0', gateway: '10.244.1.1' },
  { kind: 'address', link: 'eth0', address: '10.244.1.2/24' },
  { kind: 'sysctl', path: 'ipv4/conf/eth0/arp_notify', value: '1' },
  { kind: 'link', type: 'device', name: 'eth0', claim: 'use', owner: OWNER, up: true, mtu: 1400 },
]

export async function setsUpPod(world: World): Promise<void> {
  await world.startWith([bridge, veth])
  const { kernel } = world.harness.pod
  const outcomes = await applyOnce(kernel, podEntries)
  assert.deepEqual(
    outcomes.filter(({ error }) => error !== undefined),
    [],
  )
  assert.deepEqual(await checkOnce(kernel, podEntries), [])
  // Again, as a runtime may do: everything is there.
  const again = await applyOnce(kernel, podEntries)
  assert.deepEqual(
    again.filter(({ error }) => error !== undefined),
    [],
  )
  const address = podEntries.filter(({ kind }) => kind === 'address')
  await kernel.apply(address.map(entry => ({ op: 'delete', entry, why: 'stale' })))
  const plan = await checkOnce(kernel, podEntries)
  assert.deepEqual(
    plan.map(({ op, entry }) => `${op} ${entry.kind}`),
    ['create address', 'create route'],
  )
}

export async function keepsForeignInPod(world: World): Promise<void> {
  await world.startWith([bridge, veth])
  const { kernel } = world.harness.pod
  await applyOnce(kernel, podEntries)
  const other = podEntries.map(entry =>
    entry.kind === 'route' ? { ...entry, gateway: '10.244.1.9' } : entry,
  )
  const outcomes = await applyOnce(kernel, other)
  // The route is ours, so it may change; an address of another scope would not.
  assert.deepEqual(
    outcomes.flatMap(({ error }) => (error === undefined ? [] : [error.code])),
    [],
  )
  assert.deepEqual(await checkOnce(kernel, other), [])
}
