/** Links that need kernel modules which not every machine has: ipvlan, 8021q, dummy, vrf, VLANs on bridges, a NIC. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { hostname } from 'node:os'
import { test } from 'node:test'
import { silentLogger, sleep, systemClock } from '../../src/base/index.ts'
import { Graph } from '../../src/derive/index.ts'
import {
  applyOnce,
  type Entry,
  entryKey,
  type LinkEntry,
  NetlinkKernel,
  Reconciler,
  removeOnce,
} from '../../src/kernel/index.ts'
import { vlanSuite } from '../../src/kernel/kernel-suite.ts'
import { NetlinkEvents, Netns } from '../../src/sys/index.ts'
import { failures, HostAndPod, ip, names, own, show } from '../netns/host-and-pod.ts'
import { createHarness, run } from '../netns/kernel-harness.ts'

vlanSuite('NetlinkKernel', createHarness)

const onHost = { ...own, device: 'up0', deviceNetns: 'host' } as const

/** `linkinfo` of `ip -d link show`, as far as it is about the kind. */
function infoOf(netns: Netns, name: string): unknown[] {
  const info = show(netns, name)['linkinfo']
  return typeof info === 'object' && info !== null
    ? [Reflect.get(info, 'info_kind'), Reflect.get(info, 'info_data')]
    : []
}

for (const [mode, flag] of [
  ['l2', 'bridge'],
  ['l3', 'private'],
  ['l3s', 'vepa'],
] as const) {
  test(`ipvlan ${mode} ${flag} on a device of the host, where another link has its name`, async () => {
    using both = new HostAndPod()
    const { host, pod, kernel, context } = both
    ip(host, 'link add up0 type dummy')
    ip(host, 'link add eth0 type dummy')
    const wanted: LinkEntry = { ...onHost, type: 'ipvlan', mode, flag, up: true }
    assert.deepEqual(failures(await applyOnce(kernel, [wanted], context)), [])
    assert.deepEqual(infoOf(pod, 'eth0'), ['ipvlan', { mode, [flag]: true }])
    assert.deepEqual(await both.check([wanted]), [])
    const anew = ['delete link eth0', 'create link eth0']
    assert.deepEqual(await both.check([{ ...wanted, mode: mode === 'l2' ? 'l3' : 'l2' }]), anew)
    assert.deepEqual(await both.check([{ ...wanted, device: 'eth0' }]), anew)
    assert.deepEqual(failures(await removeOnce(kernel, [wanted], context)), [])
    assert.deepEqual([names(host), names(pod)], [['eth0', 'lo', 'up0'], ['lo']])
  })
}

test('VLAN interfaces, tagged by the ids at both ends', async () => {
  using both = new HostAndPod()
  const { host, pod, kernel, context } = both
  ip(host, 'link add up0 type dummy')
  const first: LinkEntry = { ...onHost, type: 'vlan', name: 'v1', id: 1, up: true }
  const [down] = await applyOnce(kernel, [first], context)
  assert.match(down?.error?.message ?? '', /ENETDOWN/)
  ip(host, 'link set up0 up')
  for (const id of [0, 1, 4094]) {
    const wanted: LinkEntry = { ...onHost, type: 'vlan', name: `v${id}`, id, mtu: 1400, up: true }
    assert.deepEqual(failures(await applyOnce(kernel, [wanted], context)), [])
    assert.deepEqual(infoOf(pod, `v${id}`), ['vlan', { protocol: '802.1Q', id, flags: ['REORDER_HDR'] }])
    assert.deepEqual(await both.check([wanted]), [])
    assert.equal((await both.check([{ ...wanted, id: 7 }])).length, 2)
  }
  const [refused] = await applyOnce(kernel, [{ ...onHost, type: 'vlan', name: 'v5', id: 4095 }], context)
  assert.equal(refused?.error?.code, 'kernel.invalid')
  ip(host, 'link delete up0')
  assert.deepEqual(names(pod), ['lo'])
})

test('dummies, a VLAN on one, and a VRF with a member', async () => {
  using both = new HostAndPod()
  const { pod, kernel } = both
  const entries: readonly LinkEntry[] = [
    { ...own, type: 'vlan', name: 'd0.5', device: 'd0', id: 5, up: true },
    { ...own, type: 'dummy', name: 'd0', mac: '02:00:00:00:00:01', mtu: 1400, up: true },
    { ...own, type: 'dummy', name: 'd1', master: 'blue', up: true },
    { ...own, type: 'vrf', name: 'blue', table: 1000, up: true },
  ]
  assert.deepEqual(failures(await applyOnce(kernel, entries)), [])
  assert.deepEqual([show(pod, 'd0.5')['link'], show(pod, 'd1')['master']], ['d0', 'blue'])
  assert.deepEqual(infoOf(pod, 'blue'), ['vrf', { table: 1000 }])
  assert.deepEqual(await both.check(entries), [])
  assert.deepEqual(failures(await applyOnce(kernel, entries)), [])
  const other = entries.map(link => (link.type === 'vrf' ? { ...link, table: 1001 } : link))
  assert.deepEqual(await both.check(other), ['delete link blue', 'create link blue', 'change link d1'])
  assert.deepEqual(failures(await removeOnce(kernel, entries)), [])
  assert.deepEqual(names(pod), ['lo'])
})

test('a port keeps its VLANs against another program', async () => {
  using netns = Netns.create()
  using pod = Netns.create()
  const bridge: LinkEntry = { ...own, type: 'bridge', name: 'br0', vlanFiltering: true, up: true }
  const port: LinkEntry = {
    ...own,
    type: 'veth',
    name: 'v0',
    master: 'br0',
    peer: { name: 'eth0', netns: 'pod' },
    bridgePort: { vlans: [{ id: 100, pvid: true, untagged: true }] },
  }
  await using reconciling = await reconcile(netns, [bridge, port], pod)
  const vlans = () =>
    run(netns, ['bridge', '-compressvlans', 'vlan', 'show', 'dev', 'v0']).split(/\s+/).slice(3)
  assert.deepEqual(vlans(), ['100', 'PVID', 'Egress', 'Untagged', ''])
  for (const spoil of [
    'delete dev v0 vid 100',
    'add dev v0 vid 7',
    'add dev v0 vid 100',
    'add dev v0 vid 1-4094',
  ]) {
    run(netns, ['bridge', 'vlan', ...spoil.split(' ')])
    await reconciling.until(() => vlans().join(' ') === '100 PVID Egress Untagged ')
  }
  assert.deepEqual(reconciling.reconciler.findings, [])
})

/** Elsewhere it would be the card that somebody works through. */
const skip = hostname() !== 'guest' && 'it takes a network card of a guest'

test('a network card moves in, and comes back by itself and as it was when its namespace ends', {
  skip,
}, async () => {
  const name = 'card0'
  using host = Netns.own()
  // What has a driver, and therefore outlives its namespace.
  const card = readdirSync('/sys/class/net').find(each => existsSync(`/sys/class/net/${each}/device`))
  assert.ok(card !== undefined)
  run(host, ['ip', 'link', 'set', card, 'name', name, 'alias', 'the only one'])
  await using reconciling = await reconcile(host, [])
  for (const taken of [undefined, 'eth0']) {
    if (taken !== undefined) ip(host, `link add ${taken} type dummy`)
    const pod = Netns.create()
    const inside = new NetlinkKernel({ netns: pod })
    const wanted: Entry = { ...own, type: 'device', movedFrom: { netns: 'host', name }, up: true }
    const context = { namespaces: new Map([['host', host]]) }
    assert.deepEqual(failures(await applyOnce(inside, [wanted], context)), [])
    assert.deepEqual(names(pod), ['eth0', 'lo'])
    assert.ok(!names(host).includes(name))
    inside.close()
    pod.close()
    await reconciling.until(
      () => names(host).includes(name) && show(host, name)['ifalias'] === 'the only one',
    )
  }
  ip(host, 'link delete eth0')
})

/** Follows a namespace. */
async function reconcile(netns: Netns, entries: readonly Entry[], pod?: Netns) {
  const kernel = new NetlinkKernel({
    netns,
    openEvents: (protocol, groups, options) => NetlinkEvents.openIn(netns, protocol, groups, options),
  })
  const desired = new Graph().source<Entry>('desired')
  const reconciler = new Reconciler({ kernel, desired, clock: systemClock, log: silentLogger })
  await reconciler.start()
  const keyed = entries.map((entry): [string, Entry] => [entryKey(entry), entry])
  desired.replace(keyed)
  const namespaces = new Map(pod === undefined ? [] : [['pod', pod]])
  await reconciler.run(
    keyed.map(([key]) => key),
    { namespaces },
  )
  await reconciler.settled()
  return {
    reconciler,
    async until(holds: () => boolean): Promise<void> {
      const deadline = performance.now() + 20_000
      while (!holds()) {
        assert.ok(performance.now() < deadline, 'it never came to hold')
        await sleep(systemClock, 50)
      }
    },
    async [Symbol.asyncDispose]() {
      await reconciler.stop()
      kernel.close()
    },
  }
}
