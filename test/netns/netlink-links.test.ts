import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  addLink,
  decodeLink,
  deleteLink,
  getLink,
  listLinks,
  setBridgePort,
  setLink,
} from '../../src/netlink/index.ts'
import { inner, NetlinkFixture, pick } from './netlink-fixture.ts'

/** Links on the real kernel: each operation is checked by `ip -j` and by our own dump. */

test('a veth whose peer is made in another namespace', async () => {
  using host = new NetlinkFixture()
  using pod = new NetlinkFixture()
  const peer = { name: 'eth0', mac: '02:00:00:00:00:02', mtu: 1400, netnsFd: pod.netns.fds.netns }
  await host.ok(addLink({ name: 'veth1', mtu: 1400, mac: '02:00:00:00:00:01', info: { kind: 'veth', peer } }))
  const outside = host.one('ip', '-j', '-d', 'link', 'show', 'veth1')
  assert.deepEqual(pick(outside, 'mtu', 'address'), { mtu: 1400, address: '02:00:00:00:00:01' })
  const inside = pod.one('ip', '-j', '-d', 'link', 'show', 'eth0')
  assert.deepEqual(pick(inside, 'mtu', 'address'), { mtu: 1400, address: '02:00:00:00:00:02' })
  const [ours, theirs] = [await host.link('veth1'), await pod.link('eth0')]
  assert.deepEqual([ours.kind, ours.parentIndex, theirs.parentIndex], ['veth', theirs.index, ours.index])
  assert.equal(typeof ours.linkNetnsId, 'number')
})

test('a bridge, its ports and their settings', async () => {
  using host = new NetlinkFixture()
  await host.ok(
    addLink({ name: 'br0', up: true, info: { kind: 'bridge', forwardDelay: 0, ageingTime: 6000 } }),
    addLink({ name: 'v0', info: { kind: 'veth', peer: { name: 'v1' } } }),
  )
  const bridge = await host.link('br0')
  assert.ok(bridge.info?.kind === 'bridge')
  assert.deepEqual([bridge.up, bridge.info.ageingTime, bridge.info.forwardDelay], [true, 6000, 0])
  const { index } = await host.link('v0')
  await host.ok(
    setLink({ index }, { masterIndex: bridge.index, up: true }),
    setBridgePort({ index }, { hairpin: true, isolated: true, learning: false }),
  )
  const port = host.one('bridge', '-j', '-d', 'link', 'show', 'dev', 'v0')
  const expected = { master: 'br0', hairpin: true, isolated: true, learning: false }
  assert.deepEqual(pick(port, 'master', 'hairpin', 'isolated', 'learning'), expected)
  const [only, ...more] = (await host.route.dump(listLinks({ masterIndex: bridge.index }))).map(decodeLink)
  assert.deepEqual([only?.name, more.length], ['v0', 0])
  const { hairpin, isolated, learning } = only?.bridgePort ?? {}
  assert.deepEqual([hairpin, isolated, learning], [true, true, false])
  await host.ok(setLink({ index }, { masterIndex: 0 }))
  assert.equal((await host.link('v0')).masterIndex, undefined)
})

test('vxlan over IPv4 and over IPv6', async () => {
  using host = new NetlinkFixture()
  await host.ok(
    addLink({ name: 'v0', info: { kind: 'veth', peer: { name: 'v1' } } }),
    addLink({
      name: 'flannel.1',
      mtu: 1450,
      info: { kind: 'vxlan', vni: 1, port: 8472, local: '127.0.0.1', learning: false, gbp: true, ttl: 64 },
    }),
    addLink({ name: 'flannel-v6.1', info: { kind: 'vxlan', vni: 2, port: 4789, local: 'fd00::1' } }),
  )
  const data = inner(inner(host.one('ip', '-j', '-d', 'link', 'show', 'flannel.1'), 'linkinfo'), 'info_data')
  assert.deepEqual(pick(data, 'id', 'port', 'local', 'learning', 'gbp', 'ttl'), {
    id: 1,
    port: 8472,
    local: '127.0.0.1',
    learning: false,
    gbp: true,
    ttl: 64,
  })
  const { info } = await host.link('flannel.1')
  assert.ok(info?.kind === 'vxlan')
  assert.deepEqual(
    [info.vni, info.port, info.local, info.learning, info.gbp],
    [1, 8472, '127.0.0.1', false, true],
  )
  const six = (await host.link('flannel-v6.1')).info
  assert.ok(six?.kind === 'vxlan')
  assert.deepEqual([six.local, six.gbp, six.learning], ['fd00::1', false, true])
})

test('macvlan and tun', async () => {
  using host = new NetlinkFixture()
  await host.ok(addLink({ name: 'v0', info: { kind: 'veth', peer: { name: 'v1' } } }))
  const parent = await host.link('v0')
  await host.ok(
    addLink({ name: 'mv0', parentIndex: parent.index, info: { kind: 'macvlan', mode: 'bridge' } }),
  )
  const macvlan = await host.link('mv0')
  assert.deepEqual(
    [macvlan.info, macvlan.parentIndex],
    [{ kind: 'macvlan', mode: 'bridge', flags: 0, broadcastQueueLength: 1000 }, parent.index],
  )
  host.run('ip', 'tuntap', 'add', 'dev', 'tun0', 'mode', 'tun', 'user', '7')
  const { info, mac } = await host.link('tun0')
  assert.ok(info?.kind === 'tun')
  assert.deepEqual(
    [info.type, info.owner, info.persist, info.packetInformation, mac],
    [1, 7, true, false, undefined],
  )
})

test('alias, mtu, mac, name, up and down, and moving to another namespace', async () => {
  using host = new NetlinkFixture()
  using pod = new NetlinkFixture()
  await host.ok(addLink({ name: 'v0', info: { kind: 'veth', peer: { name: 'v1' } } }))
  const { index } = await host.link('v0')
  await host.ok(
    setLink({ index }, { alias: 'podlace:overlay', mtu: 1300, mac: '02:00:00:00:00:07' }),
    setLink({ index }, { name: 'w0' }),
    setLink({ name: 'w0' }, { up: true, promiscuous: true }),
  )
  const shown = host.one('ip', '-j', '-d', 'link', 'show', 'w0')
  assert.deepEqual(pick(shown, 'ifalias', 'mtu', 'address', 'promiscuity'), {
    ifalias: 'podlace:overlay',
    mtu: 1300,
    address: '02:00:00:00:00:07',
    promiscuity: 1,
  })
  const link = await host.link('w0')
  assert.deepEqual([link.alias, link.up, link.promiscuity], ['podlace:overlay', true, 1])
  await host.ok(setLink({ index }, { alias: '', up: false }))
  const after = await host.link('w0')
  assert.deepEqual([after.alias, after.up], [undefined, false])
  await host.ok(setLink({ index }, { netnsFd: pod.netns.fds.netns }))
  assert.equal((await pod.link('w0')).name, 'w0')
  assert.equal((await host.refusal(getLink({ name: 'w0' }))).code, 'netlink.enodev')
})

test('an alias in the request that creates a link is not taken', async () => {
  using host = new NetlinkFixture()
  await host.ok(addLink({ name: 'br0', alias: 'podlace:x', info: { kind: 'bridge' } }))
  assert.equal((await host.link('br0')).alias, undefined)
})

test('deleting by index and by name takes both ends of a veth', async () => {
  using host = new NetlinkFixture()
  await host.ok(
    addLink({ name: 'a0', info: { kind: 'veth', peer: { name: 'a1' } } }),
    addLink({ name: 'b0', info: { kind: 'veth', peer: { name: 'b1' } } }),
  )
  const { index } = await host.link('a1')
  await host.ok(deleteLink({ index }), deleteLink({ name: 'b0' }))
  const names = (await host.route.dump(listLinks())).map(message => decodeLink(message).name)
  assert.deepEqual(names, ['lo'])
})

test('refusals have the name of the errno and what the kernel says', async () => {
  using host = new NetlinkFixture()
  await host.ok(addLink({ name: 'br0', info: { kind: 'bridge' } }))
  const { index } = await host.link('br0')
  const taken = await host.refusal(addLink({ name: 'br0', info: { kind: 'bridge' } }))
  assert.equal(taken.code, 'netlink.eexist')
  const mtu = await host.refusal(setLink({ index }, { mtu: 1 }))
  assert.deepEqual(mtu, { code: 'netlink.einval', text: 'mtu less than device minimum' })
  const vxlan = await host.refusal(addLink({ name: 'vx', info: { kind: 'vxlan', vni: 2 ** 24, port: 1 } }))
  assert.equal(vxlan.code, 'netlink.erange')
  assert.ok(vxlan.text !== undefined)
  assert.equal((await host.refusal(deleteLink({ name: 'nope' }))).code, 'netlink.enodev')
})
