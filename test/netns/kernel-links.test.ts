/** Links of a pod that have to do with the host: on its devices, moved from it, or made there. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type ApplyContext,
  applyOnce,
  checkOnce,
  type Entry,
  entryKey,
  type LinkEntry,
  NetlinkKernel,
  removeOnce,
} from '../../src/kernel/index.ts'
import { Netns, openTun } from '../../src/sys/index.ts'
import { failures, HostAndPod, ip, names, own, show } from './host-and-pod.ts'

const macvlan = {
  ...own,
  type: 'macvlan',
  device: 'up0',
  deviceNetns: 'host',
  mode: 'bridge',
} as const satisfies LinkEntry

test('a macvlan on a device of the host, which has a link of the same name', async () => {
  using both = new HostAndPod()
  const { host, pod, kernel, context } = both
  ip(host, 'link add up0 type veth peer name up1')
  ip(host, 'link add eth0 type ifb')
  const wanted = { ...macvlan, mac: '02:00:00:00:00:01', mtu: 1400, up: true, broadcastQueueLength: 2000 }
  assert.deepEqual(failures(await applyOnce(kernel, [wanted], context)), [])
  const made = show(pod, 'eth0')
  assert.deepEqual(
    [made['address'], made['mtu'], made['ifalias']],
    ['02:00:00:00:00:01', 1400, 'podlace:pod default/web-1 eth0'],
  )
  assert.deepEqual(names(host), ['eth0', 'lo', 'up0', 'up1'])
  assert.deepEqual(await both.check([wanted]), [])
  assert.deepEqual(failures(await applyOnce(kernel, [wanted], context)), [])
})

test('a macvlan on another device than it should be is told apart if one can look', async () => {
  using both = new HostAndPod()
  const { host, kernel, context } = both
  ip(host, 'link add up0 type veth peer name up1')
  assert.deepEqual(failures(await applyOnce(kernel, [macvlan], context)), [])
  const other = { ...macvlan, device: 'up1' }
  assert.deepEqual(await both.check([other]), ['delete link eth0', 'create link eth0'])
  assert.deepEqual(await checkOnce(kernel, [other]), [])
  assert.deepEqual((await checkOnce(kernel, [{ ...other, mode: 'vepa' }])).length, 2)
  const { deviceNetns: _host, ...local } = macvlan
  assert.deepEqual((await checkOnce(kernel, [local], context)).length, 0)
  using third = Netns.create()
  const elsewhere: ApplyContext = { namespaces: new Map([['host', third]]) }
  assert.equal((await checkOnce(kernel, [macvlan], elsewhere)).length, 2)
})

test('without the namespace of the device, or without the device, nothing is made', async () => {
  using both = new HostAndPod()
  const { host, pod, kernel, context } = both
  assert.deepEqual(failures(await applyOnce(kernel, [macvlan])), [
    'create link eth0: kernel.namespace-needed',
  ])
  const mute = { namespaces: new Map([['host', { fds: host.fds }]]) }
  assert.deepEqual(failures(await applyOnce(kernel, [macvlan], mute)), [
    'create link eth0: kernel.namespace-needed',
  ])
  const [outcome] = await applyOnce(kernel, [macvlan], context)
  assert.match(outcome?.error?.message ?? '', /no link up0 in the namespace "host"/)
  assert.deepEqual(names(pod), ['lo'])
})

test('what is ours is removed, what is not stays, and once more does no harm', async () => {
  using both = new HostAndPod()
  const { host, pod, kernel, context } = both
  ip(host, 'link add up0 type veth peer name up1')
  ip(pod, 'link add other type veth peer name other1')
  const route: Entry = { kind: 'route', dst: '10.9.0.0/24', table: 254, metric: 0, link: 'eth0' }
  const foreign: Entry = { ...route, dst: '10.8.0.0/24' }
  const entries = [{ ...macvlan, up: true }, route]
  assert.deepEqual(failures(await applyOnce(kernel, entries, context)), [])
  ip(pod, 'route add 10.8.0.0/24 dev eth0')
  const doomed: Entry[] = [route, foreign, { ...own, name: 'other', type: 'device', claim: 'use' }]
  const outcomes = await removeOnce(kernel, doomed, context)
  assert.deepEqual(
    outcomes.map(({ operation, error }) => [entryKey(operation.entry), error]),
    [[entryKey(route), undefined]],
  )
  assert.deepEqual(names(pod), ['eth0', 'lo', 'other', 'other1'])
  assert.equal((await removeOnce(kernel, entries, context)).length, 1)
  assert.deepEqual(names(pod), ['lo', 'other', 'other1'])
  assert.deepEqual(await removeOnce(kernel, entries, context), [])
})

test('a TAP device is made on the host, moved in, and leaves nothing when it cannot be', async () => {
  using both = new HostAndPod()
  const { host, pod, kernel, context } = both
  const tap = {
    ...own,
    type: 'tun',
    mode: 'tap',
    madeIn: 'host',
    multiQueue: true,
    ownerUid: 61_234,
    groupGid: 61_235,
    mac: '02:00:00:00:00:07',
    mtu: 1400,
    up: true,
  } as const satisfies LinkEntry
  assert.deepEqual(failures(await applyOnce(kernel, [tap], context)), [])
  assert.deepEqual([names(host), names(pod)], [['lo'], ['eth0', 'lo']])
  assert.deepEqual(show(pod, 'eth0')['linkinfo'], {
    info_kind: 'tun',
    info_data: {
      type: 'tap',
      pi: false,
      vnet_hdr: false,
      multi_queue: true,
      numqueues: 0,
      numdisabled: 0,
      persist: true,
      user: 61_234,
      group: 61_235,
    },
  })
  assert.deepEqual(await both.check([tap]), [])
  assert.deepEqual(await both.check([{ ...tap, ownerUid: 5 }]), ['delete link eth0', 'create link eth0'])
  assert.deepEqual(failures(await applyOnce(kernel, [tap], context)), [])
  assert.deepEqual([names(host), names(pod)], [['lo'], ['eth0', 'lo']])
  assert.deepEqual(failures(await removeOnce(kernel, [tap], context)), [])
  assert.deepEqual([names(host), names(pod)], [['lo'], ['lo']])
})

test('a TUN device of this namespace is not made over a link that is there', async () => {
  using both = new HostAndPod()
  const { host } = both
  const maker = new NetlinkKernel({
    netns: host,
    openTun: (name, options) => openTun(name, { ...options, netns: host }),
  })
  const tun = { ...own, name: 'tn0', type: 'tun', mode: 'tun', up: true } as const
  const create = () => maker.apply([{ op: 'create', entry: tun, why: 'missing' }])
  assert.deepEqual(failures(await create()), [])
  assert.deepEqual(failures(await create()), ['create link tn0: kernel.exists'])
  ip(host, 'link delete tn0')
  ip(host, 'link add tn0 type ifb')
  assert.deepEqual(failures(await create()), ['create link tn0: kernel.exists'])
  maker.close()
})

test('an ifb, and the settings that tuning changes', async () => {
  using both = new HostAndPod()
  const { pod, kernel } = both
  const ifb = {
    ...own,
    name: 'ifb7',
    type: 'ifb',
    up: true,
    promisc: true,
    allmulticast: true,
    txQueueLength: 500,
  } as const
  assert.deepEqual(failures(await applyOnce(kernel, [ifb])), [])
  assert.deepEqual(await both.check([ifb]), [])
  const changed = { ...ifb, promisc: false, allmulticast: false, txQueueLength: 32 }
  assert.deepEqual(await both.check([changed]), ['change link ifb7'])
  assert.deepEqual(failures(await applyOnce(kernel, [changed])), [])
  const shown = show(pod, 'ifb7')
  const flags = shown['flags']
  assert.ok(Array.isArray(flags) && !flags.includes('PROMISC') && !flags.includes('ALLMULTI'))
  assert.equal(shown['txqlen'], 32)
  const lo = { ...own, name: 'lo', claim: 'use', type: 'device', allmulticast: true } as const
  assert.deepEqual(failures(await applyOnce(kernel, [lo])), [])
  assert.deepEqual(await both.check([lo]), [])
})
