import assert from 'node:assert/strict'
import type { DeviceLink, Entry, LinkEntry, MacvlanLink } from '../entry.ts'
import { applyOnce, checkOnce, removeOnce } from '../once.ts'
import type { ApplyContext, Outcome } from '../operation.ts'
import { OWNER } from './entries.ts'
import type { World } from './world.ts'

/** Links of a pod that lie on a device of the host, or come from there. */

const common = { kind: 'link', claim: 'own', owner: OWNER, name: 'eth0' } as const
const macvlan: MacvlanLink = {
  ...common,
  type: 'macvlan',
  device: 'uplink',
  deviceNetns: 'host',
  mode: 'bridge',
  mtu: 1400,
  up: true,
}
const nic: LinkEntry = { kind: 'link', type: 'ifb', name: 'nic0', claim: 'use', owner: '' }
const moved: DeviceLink = {
  ...common,
  type: 'device',
  movedFrom: { netns: 'host', name: 'nic0' },
  txQueueLength: 77,
  up: true,
}

function contextOf({ harness }: World): ApplyContext {
  return { namespaces: new Map([['host', harness.handle]]) }
}

function codeOf([outcome]: readonly Outcome[]): string | undefined {
  return outcome?.error?.code
}

function assertDone(outcomes: readonly Outcome[]): void {
  assert.deepEqual(
    outcomes.filter(({ error }) => error !== undefined),
    [],
  )
}

export async function standsOnHost(world: World): Promise<void> {
  const { kernel } = world.harness.pod
  const context = contextOf(world)
  const address: Entry = { kind: 'address', link: 'eth0', address: '10.9.0.2/24' }
  const route: Entry = { kind: 'route', dst: '10.5.0.0/16', table: 254, metric: 0, link: 'eth0' }
  const entries = [macvlan, address, route]
  assertDone(await applyOnce(kernel, entries, context))
  assert.deepEqual(await checkOnce(kernel, entries, context), [])
  assert.deepEqual(await checkOnce(kernel, entries), [])
  assertDone(await applyOnce(kernel, entries, context))
  const elsewhere = { ...macvlan, device: 'other' }
  assert.notDeepEqual(await checkOnce(kernel, [elsewhere], context), [])
  assert.deepEqual(await checkOnce(kernel, [elsewhere]), [])
  const outcomes = await removeOnce(kernel, entries, context)
  assertDone(outcomes)
  assert.equal(outcomes.length, 3)
  assert.deepEqual(await removeOnce(kernel, entries, context), [])
}

export async function goesWithItsDevice(world: World): Promise<void> {
  const { foreign, pod } = world.harness
  foreign.add(nic)
  const onNic = { ...macvlan, device: 'nic0' }
  assertDone(await applyOnce(pod.kernel, [onNic], contextOf(world)))
  foreign.remove(nic)
  assert.deepEqual(await removeOnce(pod.kernel, [onNic], contextOf(world)), [])
}

export async function isMissed(world: World): Promise<void> {
  const { kernel } = world.harness.pod
  for (const link of [macvlan, moved]) {
    assert.equal(codeOf(await applyOnce(kernel, [link])), 'kernel.namespace-needed')
  }
  const nowhere = { ...macvlan, device: 'none0' }
  assert.equal(codeOf(await applyOnce(kernel, [nowhere], contextOf(world))), 'kernel.link-missing')
  assert.equal(codeOf(await applyOnce(kernel, [moved], contextOf(world))), 'kernel.link-missing')
}

export async function comesAndGoesBack(world: World): Promise<void> {
  const { foreign, kernel: host, pod } = world.harness
  const context = contextOf(world)
  const isOnHost = async () =>
    (await host.observe()).some(({ entry }) => 'name' in entry && entry.name === 'nic0')
  foreign.add(nic)
  assertDone(await applyOnce(pod.kernel, [moved], context))
  assert.equal(await isOnHost(), false)
  assert.deepEqual(await checkOnce(pod.kernel, [moved], context), [])
  assertDone(await applyOnce(pod.kernel, [moved], context))
  const other: LinkEntry = { ...moved, movedFrom: { netns: 'host', name: 'uplink' } }
  assert.equal(codeOf(await applyOnce(pod.kernel, [other], context)), 'kernel.exists')
  // Who does not know where it goes back to leaves it where it is.
  assert.equal(codeOf(await removeOnce(pod.kernel, [moved])), 'kernel.namespace-needed')
  assertDone(await removeOnce(pod.kernel, [moved], context))
  assert.equal(await isOnHost(), true)
  assert.deepEqual(await removeOnce(pod.kernel, [moved], context), [])
}

export async function sparesOthers(world: World): Promise<void> {
  const { kernel } = world.harness.pod
  const device: LinkEntry = { kind: 'link', type: 'device', name: 'lo', claim: 'use', owner: '', up: true }
  assertDone(await applyOnce(kernel, [device]))
  assert.deepEqual(await removeOnce(kernel, [device, moved], contextOf(world)), [])
  assert.deepEqual(await checkOnce(kernel, [device]), [])
}
