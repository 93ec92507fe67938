/** Devices that are moved from the host into a pod, and back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyOnce, entryKey, type LinkEntry, NetlinkKernel, removeOnce } from '../../src/kernel/index.ts'
import { failures, HostAndPod, ip, names, own, show } from './host-and-pod.ts'
import { run } from './kernel-harness.ts'

const moved = {
  ...own,
  type: 'device',
  movedFrom: { netns: 'host', name: 'nic0' },
} as const satisfies LinkEntry

test('a device is moved in, and given back with its name and alias', async () => {
  using both = new HostAndPod()
  const { host, pod, kernel, context } = both
  ip(host, 'link add nic0 type veth peer name wire')
  ip(host, 'link add eth0 type ifb')
  run(host, ['ip', 'link', 'set', 'nic0', 'alias', 'rack 3: uplink'])
  ip(host, 'link set nic0 up')
  const wanted = { ...moved, up: true, mtu: 1400, promisc: true, txQueueLength: 77 }
  assert.deepEqual(failures(await applyOnce(kernel, [wanted], context)), [])
  assert.deepEqual(names(host), ['eth0', 'lo', 'wire'])
  assert.equal(show(pod, 'eth0')['ifalias'], 'podlace-moved:nic0:rack 3: uplink')
  assert.deepEqual(await both.check([wanted]), [])
  assert.deepEqual(failures(await applyOnce(kernel, [wanted], context)), [])
  assert.deepEqual(failures(await removeOnce(kernel, [wanted], context)), [])
  assert.deepEqual(names(host), ['eth0', 'lo', 'nic0', 'wire'])
  assert.equal(show(host, 'nic0')['ifalias'], 'rack 3: uplink')
  assert.deepEqual(await removeOnce(kernel, [wanted], context), [])
})

test('a device is not moved over one that is there, and not if it is ours', async () => {
  using both = new HostAndPod()
  const { host, pod, kernel, context } = both
  ip(host, 'link add nic0 type veth peer name wire')
  ip(pod, 'link add eth0 type veth peer name other')
  assert.deepEqual(failures(await applyOnce(kernel, [moved], context)), ['create link eth0: kernel.exists'])
  assert.deepEqual(await removeOnce(kernel, [moved], context), [])
  assert.deepEqual(names(pod), ['eth0', 'lo', 'other'])
  ip(host, 'link set nic0 alias podlace:overlay')
  const elsewhere = { ...moved, name: 'eth1' }
  assert.deepEqual(failures(await applyOnce(kernel, [elsewhere], context)), ['create link eth1: kernel.busy'])
  const alias = 'x'.repeat(240)
  ip(host, `link set nic0 alias ${alias}`)
  const [outcome] = await applyOnce(kernel, [elsewhere], context)
  assert.match(outcome?.error?.message ?? '', /alias of nic0 is too long/)
  const missing = { ...moved, name: 'eth1', movedFrom: { netns: 'host', name: 'nic9' } }
  assert.deepEqual(failures(await applyOnce(kernel, [missing], context)), [
    'create link eth1: kernel.link-missing',
  ])
  assert.deepEqual(names(host), ['lo', 'nic0', 'wire'])
})

test('a device that came from elsewhere stays in the way of another', async () => {
  using both = new HostAndPod()
  const { host, kernel, context } = both
  ip(host, 'link add nic0 type veth peer name nic1')
  assert.deepEqual(failures(await applyOnce(kernel, [moved], context)), [])
  const other = { ...moved, movedFrom: { netns: 'host', name: 'nic1' } }
  assert.deepEqual(failures(await applyOnce(kernel, [other], context)), ['create link eth0: kernel.exists'])
  assert.deepEqual(names(host), ['lo', 'nic1'])
})

test('a device whose old name is taken stays marked where it is, until the name is free', async () => {
  using both = new HostAndPod()
  const { host, kernel, context } = both
  ip(host, 'link add nic0 type veth peer name wire')
  ip(host, 'link add eth0 type ifb')
  assert.deepEqual(failures(await applyOnce(kernel, [moved], context)), [])
  ip(host, 'link add nic0 type ifb')
  assert.deepEqual(failures(await removeOnce(kernel, [moved], context)), ['delete link eth0: kernel.exists'])
  ip(host, 'link delete nic0')
  assert.deepEqual(failures(await removeOnce(kernel, [moved], context)), [])
  assert.deepEqual(names(host), ['eth0', 'lo', 'nic0', 'wire'])
})

test('what came back by itself gets its old name and alias from who finds it', async () => {
  using both = new HostAndPod()
  const { host } = both
  ip(host, 'link add eth0 type veth peer name wire')
  run(host, ['ip', 'link', 'set', 'eth0', 'alias', 'podlace-moved:nic0:rack'])
  const finder = new NetlinkKernel({ netns: host })
  const seen = (await finder.observe()).find(({ entry }) => entryKey(entry) === 'link eth0')
  assert.equal(seen?.mark, 'ours')
  const entry = seen?.entry
  assert.ok(entry !== undefined)
  await finder.apply([{ op: 'delete', entry, before: entry, why: 'stale' }])
  finder.close()
  assert.deepEqual(names(host), ['lo', 'nic0', 'wire'])
  assert.equal(show(host, 'nic0')['ifalias'], 'rack')
})
