import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Address,
  addAddress,
  addFdb,
  addLink,
  addNeighbour,
  addRoute,
  addRule,
  appendFdb,
  decodeAddress,
  decodeFdb,
  decodeNeighbour,
  decodeRoute,
  decodeRule,
  deleteAddress,
  deleteFdb,
  deleteNeighbour,
  deleteRoute,
  deleteRule,
  getRoute,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  IFA_F_PERMANENT,
  listAddresses,
  listFdb,
  listNeighbours,
  listRoutes,
  listRules,
  replaceAddress,
  replaceFdb,
  replaceNeighbour,
  replaceRoute,
  setLink,
} from '../../src/netlink/index.ts'
import { NetlinkFixture, pick } from './netlink-fixture.ts'

/** Addresses, routes, rules, neighbours and forwarding entries on the real kernel, beside `ip -j` and `bridge -j`. */

interface Links {
  readonly bridge: number
  readonly vxlan: number
}

/** br0 with 10.1.0.1/24 and fd00::1/64, and a vxlan; all up. */
async function twoLinks(host: NetlinkFixture): Promise<Links> {
  const vxlan = { kind: 'vxlan' as const, vni: 1, port: 8472, local: '127.0.0.1', learning: false }
  await host.ok(
    setLink({ index: 1 }, { up: true }),
    addLink({ name: 'br0', up: true, info: { kind: 'bridge' } }),
    addLink({ name: 'vx0', up: true, info: vxlan }),
  )
  const links = { bridge: (await host.link('br0')).index, vxlan: (await host.link('vx0')).index }
  await host.ok(
    addAddress({ linkIndex: links.bridge, address: '10.1.0.1/24' }),
    addAddress({ linkIndex: links.bridge, address: 'fd00::1/64', flags: IFA_F_NODAD }),
  )
  return links
}

const byAddress = (a: Address, b: Address) => a.address.localeCompare(b.address)

test('addresses', async () => {
  using host = new NetlinkFixture()
  const { bridge } = await twoLinks(host)
  await host.ok(
    addAddress({ linkIndex: bridge, address: '10.2.0.1/24', flags: IFA_F_NOPREFIXROUTE, protocol: 113 }),
    addAddress({ linkIndex: bridge, address: '10.3.0.1/32', peer: '10.3.0.2/32', label: 'br0:pod' }),
    replaceAddress({ linkIndex: bridge, address: '10.4.0.1/24', scope: 'link' }),
  )
  const filter = listAddresses({ family: 4, linkIndex: bridge })
  const addresses = (await host.route.dump(filter)).map(decodeAddress).sort(byAddress)
  const flags = IFA_F_PERMANENT
  const own = { linkIndex: bridge, label: 'br0', scope: 'universe', flags }
  assert.deepEqual(addresses, [
    { ...own, address: '10.1.0.1/24' },
    { ...own, address: '10.2.0.1/24', flags: flags | IFA_F_NOPREFIXROUTE, protocol: 113 },
    { ...own, address: '10.3.0.1/32', peer: '10.3.0.2/32', label: 'br0:pod' },
    { ...own, address: '10.4.0.1/24', scope: 'link' },
  ])
  const [shown] = host.json('ip', '-j', '-4', 'address', 'show', 'dev', 'br0')
  const info = shown?.['addr_info']
  assert.ok(Array.isArray(info))
  // The kernel lists narrower scopes first.
  assert.deepEqual(
    info
      .toSorted((a, b) => String(a.local).localeCompare(String(b.local)))
      .map(address => pick(address, 'local', 'prefixlen', 'noprefixroute')),
    [
      { local: '10.1.0.1', prefixlen: 24, noprefixroute: undefined },
      { local: '10.2.0.1', prefixlen: 24, noprefixroute: true },
      { local: '10.3.0.1', prefixlen: 32, noprefixroute: undefined },
      { local: '10.4.0.1', prefixlen: 24, noprefixroute: undefined },
    ],
  )
  await host.ok(...addresses.map(deleteAddress))
  assert.deepEqual(await host.route.dump(filter), [])
  const again = await host.refusal(deleteAddress({ linkIndex: bridge, address: '10.1.0.1/24' }))
  assert.equal(again.code, 'netlink.eaddrnotavail')
  const twice = await host.refusal(addAddress({ linkIndex: bridge, address: 'fd00::1/64' }))
  assert.equal(twice.code, 'netlink.eexist')
})

test('routes of both families, on-link, with metrics, in tables above 255', async () => {
  using host = new NetlinkFixture()
  const { bridge, vxlan } = await twoLinks(host)
  const overlay = {
    dst: '10.244.3.0/24',
    gateway: '10.244.3.0',
    linkIndex: vxlan,
    onlink: true,
    protocol: 113,
  }
  await host.ok(
    addRoute(overlay),
    addRoute({
      dst: '0.0.0.0/0',
      gateway: '10.1.0.9',
      table: 1000,
      metric: 7,
      metrics: { mtu: 1400, advmss: 1360 },
    }),
    addRoute({ dst: '10.6.0.0/16', linkIndex: bridge, prefSrc: '10.1.0.1', protocol: 113 }),
    addRoute({ dst: '10.7.0.0/16', type: 'blackhole', protocol: 113 }),
    addRoute({ dst: 'fd05::/64', gateway: 'fd00::9', metric: 1024, protocol: 113 }),
    addRoute({ dst: '10.10.0.0/16', gateway: 'fd00::9', linkIndex: bridge, protocol: 113 }),
  )
  const shown = host.one('ip', '-j', 'route', 'show', '10.244.3.0/24')
  const expected = {
    dst: '10.244.3.0/24',
    gateway: '10.244.3.0',
    dev: 'vx0',
    protocol: '113',
    flags: ['onlink'],
  }
  assert.deepEqual(pick(shown, 'dst', 'gateway', 'dev', 'protocol', 'flags'), expected)
  const dump = await host.route.dump(listRoutes({ protocol: 113 }))
  const ours = dump.map(decodeRoute).map(({ dst, type, gateway, onlink }) => [dst, type, gateway, onlink])
  assert.deepEqual(ours, [
    ['10.6.0.0/16', 'unicast', undefined, false],
    ['10.7.0.0/16', 'blackhole', undefined, false],
    ['10.10.0.0/16', 'unicast', 'fd00::9', false],
    ['10.244.3.0/24', 'unicast', '10.244.3.0', true],
    ['fd05::/64', 'unicast', 'fd00::9', false],
  ])
  const [far, ...more] = (await host.route.dump(listRoutes({ family: 4, table: 1000 }))).map(decodeRoute)
  assert.deepEqual(
    [far?.dst, far?.metric, far?.metrics, more],
    ['0.0.0.0/0', 7, { mtu: 1400, advmss: 1360 }, []],
  )
  assert.deepEqual(pick(host.one('ip', '-j', 'route', 'show', 'table', '1000'), 'gateway'), {
    gateway: '10.1.0.9',
  })
})

test('replacing, deleting and looking up routes', async () => {
  using host = new NetlinkFixture()
  const { bridge, vxlan } = await twoLinks(host)
  const dst = '10.5.0.0/16'
  await host.ok(
    addRoute({ dst, gateway: '10.1.0.8', protocol: 113 }),
    replaceRoute({ dst, gateway: '10.1.0.9', protocol: 113 }),
  )
  const [answer] = await host.ok(getRoute({ dst: '10.5.1.1' }))
  const [message] = answer?.ok === true ? answer.messages : []
  assert.ok(message !== undefined)
  const { gateway, linkIndex, prefSrc, table } = decodeRoute(message)
  assert.deepEqual([gateway, linkIndex, prefSrc, table], ['10.1.0.9', bridge, '10.1.0.1', 254])
  assert.equal((await host.refusal(deleteRoute({ dst, protocol: 4 }))).code, 'netlink.esrch')
  assert.equal((await host.refusal(deleteRoute({ dst, linkIndex: vxlan }))).code, 'netlink.esrch')
  await host.ok(deleteRoute({ dst, protocol: 113 }))
  assert.equal((await host.refusal(getRoute({ dst: '10.5.1.1' }))).code, 'netlink.enetunreach')
  const several = [1, 2].map(last => ({
    linkIndex: bridge,
    weight: last,
    flags: 0,
    gateway: `10.1.0.${last + 1}`,
  }))
  await host.ok(addRoute({ dst, nextHops: several }))
  const multipath = (await host.route.dump(listRoutes({ linkIndex: bridge, family: 4 })))
    .map(decodeRoute)
    .find(route => route.dst === dst)
  assert.deepEqual(multipath?.nextHops, several)
})

test('the kernel says why it refuses a route', async () => {
  using host = new NetlinkFixture()
  const { bridge } = await twoLinks(host)
  const far = await host.refusal(addRoute({ dst: '10.5.0.0/16', gateway: '192.0.2.1', linkIndex: bridge }))
  assert.deepEqual(far, { code: 'netlink.enetunreach', text: 'Nexthop has invalid gateway' })
  const twice = await host.refusal(addRoute({ dst: '10.1.0.0/24', linkIndex: bridge, prefSrc: '10.1.0.1' }))
  assert.equal(twice.code, 'netlink.eexist')
  await assert.rejects(
    host.route.dump(listRoutes({ family: 4, table: 4711 })),
    /ENOENT.*FIB table does not exist/,
  )
})

test('rules', async () => {
  using host = new NetlinkFixture()
  const marked = { family: 4 as const, priority: 101, table: 1000, fwmark: { value: 0x4000, mask: 0x4000 } }
  const rule = { ...marked, iif: 'lo', oif: 'eth9', src: '10.0.0.0/8', dst: '10.1.0.0/16', protocol: 113 }
  await host.ok(
    addRule(rule),
    addRule({ family: 6, priority: 102, table: 200, invert: true, dst: 'fd00::/8' }),
  )
  const four = (await host.route.dump(listRules(4)))
    .map(decodeRule)
    .filter(({ priority }) => priority === 101)
  assert.deepEqual(four, [{ ...rule, action: 'to-table', tos: 0, invert: false }])
  const six = (await host.route.dump(listRules(6))).map(decodeRule).filter(({ priority }) => priority === 102)
  assert.deepEqual(
    six.map(({ dst, invert, table }) => [dst, invert, table]),
    [['fd00::/8', true, 200]],
  )
  const shown = host.json('ip', '-j', 'rule', 'show').find(({ priority }) => priority === 101)
  assert.deepEqual(pick(shown, 'src', 'srclen', 'fwmark', 'fwmask', 'iif', 'oif', 'table', 'protocol'), {
    src: '10.0.0.0',
    srclen: 8,
    fwmark: '0x4000',
    fwmask: '0x4000',
    iif: 'lo',
    oif: 'eth9',
    table: '1000',
    protocol: '113',
  })
  assert.equal((await host.refusal(addRule(rule))).code, 'netlink.eexist')
  assert.equal((await host.refusal(deleteRule({ ...rule, protocol: 4 }))).code, 'netlink.enoent')
  await host.ok(deleteRule(rule))
  assert.ok(!(await host.route.dump(listRules(4))).map(decodeRule).some(({ priority }) => priority === 101))
})

test('neighbours carry their protocol', async () => {
  using host = new NetlinkFixture()
  const { bridge, vxlan } = await twoLinks(host)
  const neighbour = { linkIndex: vxlan, address: '10.244.3.0', mac: '02:00:00:00:00:03', protocol: 113 }
  await host.ok(
    addNeighbour(neighbour),
    replaceNeighbour({ ...neighbour, mac: '02:00:00:00:00:04' }),
    addNeighbour({ ...neighbour, address: 'fd00::3' }),
    addNeighbour({ ...neighbour, linkIndex: bridge, address: '10.1.0.7' }),
  )
  const shown = host.one('ip', '-j', '-d', '-4', 'neighbour', 'show', 'dev', 'vx0')
  const expected = { dst: '10.244.3.0', lladdr: '02:00:00:00:00:04', protocol: '113', state: ['PERMANENT'] }
  assert.deepEqual(pick(shown, 'dst', 'lladdr', 'protocol', 'state'), expected)
  const dump = await host.route.dump(listNeighbours({ linkIndex: vxlan, family: 4 }))
  const kept = { ...neighbour, mac: '02:00:00:00:00:04', state: 'permanent', flags: 0, proxy: false }
  assert.deepEqual(dump.map(decodeNeighbour), [kept])
  assert.equal((await host.refusal(addNeighbour(neighbour))).code, 'netlink.eexist')
  await host.ok(deleteNeighbour(neighbour))
  assert.equal((await host.refusal(deleteNeighbour(neighbour))).code, 'netlink.enoent')
})

test('forwarding entries of a vxlan and of a bridge', async () => {
  using host = new NetlinkFixture()
  const { bridge, vxlan } = await twoLinks(host)
  await host.ok(addLink({ name: 'v0', info: { kind: 'veth', peer: { name: 'v1' } } }))
  const port = (await host.link('v0')).index
  await host.ok(setLink({ index: port }, { masterIndex: bridge }))
  const mac = '02:00:00:00:00:03'
  const flood = '00:00:00:00:00:00'
  await host.ok(
    addFdb({ linkIndex: vxlan, mac, dst: '192.168.77.3' }),
    replaceFdb({ linkIndex: vxlan, mac, dst: '192.168.77.4' }),
    appendFdb({ linkIndex: vxlan, mac: flood, dst: '192.168.77.3' }),
    appendFdb({ linkIndex: vxlan, mac: flood, dst: '192.168.77.4' }),
    addFdb({ linkIndex: port, mac: '02:00:00:00:00:05', self: false, state: 'static' }),
  )
  const entries = async (filter: Parameters<typeof listFdb>[0]) =>
    (await host.route.dump(listFdb(filter))).map(decodeFdb)
  const ours = await entries({ linkIndex: vxlan })
  assert.deepEqual(ours.map(entry => [entry.mac, entry.dst, entry.state, entry.self]).sort(), [
    [flood, '192.168.77.3', 'permanent', true],
    [flood, '192.168.77.4', 'permanent', true],
    [mac, '192.168.77.4', 'permanent', true],
  ])
  const shown = host.json('bridge', '-j', 'fdb', 'show', 'dev', 'vx0').find(entry => entry['mac'] === mac)
  assert.deepEqual(pick(shown, 'dst', 'state', 'flags'), {
    dst: '192.168.77.4',
    state: 'permanent',
    flags: ['self'],
  })
  const learned = (await entries({ masterIndex: bridge })).find(entry => entry.mac === '02:00:00:00:00:05')
  assert.deepEqual([learned?.state, learned?.self, learned?.linkIndex], ['static', false, port])
  host.run('bridge', 'fdb', 'add', '02:00:00:00:00:06', 'dev', 'vx0', 'dst', '192.168.77.6')
  const foreign = (await entries({ linkIndex: vxlan })).find(entry => entry.dst === '192.168.77.6')
  assert.equal(foreign?.state, 'permanent')
  await host.ok(deleteFdb({ linkIndex: vxlan, mac: flood, dst: '192.168.77.3' }))
  assert.equal((await entries({ linkIndex: vxlan })).filter(entry => entry.mac === flood).length, 1)
  assert.equal(
    (await host.refusal(deleteFdb({ linkIndex: vxlan, mac: '02:00:00:00:00:09' }))).code,
    'netlink.enoent',
  )
})

test('a thousand routes at once', async () => {
  using host = new NetlinkFixture()
  const { bridge } = await twoLinks(host)
  const routes = Array.from({ length: 1000 }, (_, i) => ({
    dst: `172.16.${i >> 8}.${i & 255}/32`,
    linkIndex: bridge,
  }))
  await host.ok(...routes.map(route => addRoute({ ...route, protocol: 113 })))
  const back = (await host.route.dump(listRoutes({ protocol: 113 }))).map(message => decodeRoute(message).dst)
  assert.deepEqual(new Set(back), new Set(routes.map(({ dst }) => dst)))
})
