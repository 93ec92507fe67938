import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Entry, formatEntry, type LinkEntry } from '../kernel/index.ts'
import { planDummy } from './dummy.ts'
import { planIpvlan } from './ipvlan.ts'
import { parseIpvlanConfig } from './ipvlan-config.ts'
import { planMacvlan } from './macvlan.ts'
import { parseMacvlanConfig } from './macvlan-config.ts'
import { type MasteredSpec, masterName } from './master.ts'
import type { Attachment } from './plan.ts'
import { planTap } from './tap.ts'
import { parseTapConfig } from './tap-config.ts'
import { namedSpec } from './testing.ts'
import { planVlan } from './vlan.ts'
import { parseVlanConfig } from './vlan-config.ts'

const spec: MasteredSpec = {
  ...namedSpec,
  network: 'lan',
  ifName: 'net1',
  ips: [{ address: '192.168.7.9/24', gateway: '192.168.7.1' }],
  routes: [{ dst: '10.0.0.0/8' }],
  dns: { domain: 'x' },
  master: { name: 'eth0', mtu: 1500, mac: '02:00:00:00:00:0e' },
}

type Change = Partial<MasteredSpec>
const plan = {
  macvlan: (config: object, change: Change = {}) =>
    planMacvlan({ ...spec, ...change, config: parseMacvlanConfig(config) }),
  ipvlan: (config: object, change: Change = {}) =>
    planIpvlan({ ...spec, ...change, config: parseIpvlanConfig(config) }),
  vlan: (config: object, change: Change = {}) =>
    planVlan({ ...spec, ...change, config: parseVlanConfig({ master: 'eth0', ...config }) }),
  dummy: (_config: object, change: Change = {}) => planDummy({ ...spec, ...change }),
  tap: (config: object, change: Change = {}) =>
    planTap({ ...spec, ...change, config: parseTapConfig(config) }),
}

const text = (entries: readonly Entry[]) => entries.map(formatEntry)
const podMac = 'ca:3e:d8:3f:20:a1'

/** The interface's own entry, without what all of them have. */
function linkOf({ pod }: Attachment): Partial<LinkEntry> {
  const {
    kind: _,
    claim,
    name,
    owner,
    up,
    ...rest
  } = pod.find((entry): entry is LinkEntry => entry.kind === 'link' && entry.name === 'net1') ??
  assert.fail('no link')
  assert.deepEqual(
    { claim, name, owner, up },
    { claim: 'own', name: 'net1', owner: 'pod default/web-1 net1', up: true },
  )
  return rest
}

test('a link of the pod with addresses: announced, routed, and removed by DEL', () => {
  const { pod, host, shared, displaced, podOnDelete, result } = plan.macvlan({
    mtu: 1400,
    dns: { domain: 'y' },
  })
  assert.deepEqual(text(pod), [
    'sysctl -w net/ipv6/conf/net1/ndisc_notify=1',
    'ip link set lo up',
    'sysctl -w net/ipv4/conf/net1/arp_notify=1',
    'sysctl -w net/ipv4/conf/all/accept_redirects=0',
    'sysctl -w net/ipv4/conf/net1/accept_redirects=0',
    'sysctl -w net/ipv6/conf/net1/accept_ra=0',
    'sysctl -w net/ipv6/conf/net1/accept_redirects=0',
    'sysctl -w net/ipv6/conf/net1/accept_dad=0',
    formatEntry(pod[8] ?? assert.fail()),
    'ip address replace 192.168.7.9/24 dev net1',
    'ip route replace 10.0.0.0/8 via 192.168.7.1 dev net1 proto 113',
  ])
  assert.deepEqual(podOnDelete, { remove: [pod[8]], restore: [] })
  assert.deepEqual([...host, ...shared, ...displaced], [])
  assert.deepEqual(result, {
    interfaces: [{ name: 'net1', mac: podMac, mtu: 1400, sandbox: '/run/netns/web-1' }],
    ips: [{ interface: 0, address: '192.168.7.9/24', gateway: '192.168.7.1' }],
    routes: [{ dst: '10.0.0.0/8' }],
    dns: { domain: 'y' },
  })
})

test('without addresses the network may give some: no sysctls', () => {
  const { pod, result } = plan.macvlan({}, { ips: [], routes: [] })
  assert.deepEqual(
    pod.map(({ kind }) => kind),
    ['link', 'link'],
  )
  assert.deepEqual(result.ips, [])
})

test('where there is no IPv6, none is asked for: without it in the kernel, and with a small MTU', () => {
  assert.doesNotMatch(text(plan.vlan({}, { podHasIpv6: false }).pod).join(), /ipv6/)
  assert.doesNotMatch(text(plan.vlan({ mtu: 1279 }).pod).join(), /ipv6/)
  const ofMaster = plan.macvlan({}, { master: { name: 'eth0', mtu: 1279 } })
  assert.doesNotMatch(text(ofMaster.pod).join(), /ipv6/)
})

const links: readonly [what: string, attachment: Attachment, link: Partial<LinkEntry>, mac?: string][] = [
  [
    'macvlan',
    plan.macvlan({}),
    { type: 'macvlan', device: 'eth0', deviceNetns: 'host', mode: 'bridge', mac: podMac },
  ],
  [
    'macvlan with all keys',
    plan.macvlan({
      mode: 'vepa',
      mac: '02:00:00:00:00:0A',
      bcqueuelen: 2000,
      linkInContainer: true,
      mtu: 1500,
    }),
    {
      type: 'macvlan',
      device: 'eth0',
      mode: 'vepa',
      mac: '02:00:00:00:00:0a',
      mtu: 1500,
      broadcastQueueLength: 2000,
    },
    '02:00:00:00:00:0a',
  ],
  [
    'macvlan passed through has the MAC of the device',
    plan.macvlan({ mode: 'passthru' }),
    { type: 'macvlan', device: 'eth0', deviceNetns: 'host', mode: 'passthru' },
    '02:00:00:00:00:0e',
  ],
  [
    'a requested MAC comes before the configured one',
    plan.macvlan(
      { mode: 'passthru', mac: '02:00:00:00:00:01' },
      { requestedMac: { args: '02:00:00:00:00:02' } },
    ),
    { type: 'macvlan', device: 'eth0', deviceNetns: 'host', mode: 'passthru', mac: '02:00:00:00:00:02' },
    '02:00:00:00:00:02',
  ],
  [
    'ipvlan',
    plan.ipvlan({ mode: '' }),
    { type: 'ipvlan', device: 'eth0', deviceNetns: 'host', mode: 'l2' },
    '02:00:00:00:00:0e',
  ],
  [
    'ipvlan with all keys',
    plan.ipvlan({ mode: 'l3s', linkInContainer: true, mtu: 1300 }),
    { type: 'ipvlan', device: 'eth0', mode: 'l3s', mtu: 1300 },
    '02:00:00:00:00:0e',
  ],
  [
    'vlan',
    plan.vlan({ vlanId: 100 }),
    { type: 'vlan', device: 'eth0', deviceNetns: 'host', id: 100 },
    '02:00:00:00:00:0e',
  ],
  ['dummy', plan.dummy({}), { type: 'dummy', mac: podMac }],
  ['tap', plan.tap({}), { type: 'tun', mode: 'tap', mac: podMac, madeIn: 'host' }],
  [
    'tap with all keys',
    plan.tap({ multiQueue: true, mtu: 1300, mac: '02:00:00:00:00:0b', owner: 0, group: 107, bridge: 'br0' }),
    {
      type: 'tun',
      mode: 'tap',
      mac: '02:00:00:00:00:0b',
      mtu: 1300,
      multiQueue: true,
      ownerUid: 0,
      groupGid: 107,
      master: 'br0',
      madeIn: 'host',
    },
    '02:00:00:00:00:0b',
  ],
]

for (const [what, attachment, link, mac = podMac] of links) {
  test(what, () => {
    assert.deepEqual(linkOf(attachment), link)
    assert.equal(attachment.result.interfaces[0]?.mac, mac)
  })
}

test('the MTU of the result is the one asked for, else the master’s', () => {
  assert.equal(plan.vlan({ mtu: 1300 }).result.interfaces[0]?.mtu, 1300)
  assert.equal(plan.vlan({}).result.interfaces[0]?.mtu, 1500)
  assert.equal(plan.tap({}).result.interfaces[0]?.mtu, undefined)
})

test('ipvlan in a chain takes the addresses of the plugin before it', () => {
  const prevResult = {
    interfaces: [{ name: 'eth0' }],
    ips: [{ interface: 0, address: '10.5.0.2/24' }],
    routes: [{ dst: '10.6.0.0/16', gw: '10.5.0.1' }],
    dns: { domain: 'chained' },
  }
  const config = parseIpvlanConfig({ linkInContainer: true })
  const { result } = planIpvlan({ ...spec, ips: [], routes: [], prevResult, config })
  assert.deepEqual(
    [result.ips, result.routes, result.dns],
    [prevResult.ips, prevResult.routes, prevResult.dns],
  )
  assert.equal(planIpvlan({ ...spec, prevResult, config }).result.ips[0]?.address, '192.168.7.9/24')
})

const refused: readonly [what: string, attempt: () => unknown, message: RegExp][] = [
  [
    'an MTU above the master’s',
    () => plan.vlan({ mtu: 1501 }),
    /mtu 1501 is above 1500, that of the master eth0/,
  ],
  [
    'a master too small for IPv6',
    () => plan.macvlan({}, { ips: [{ address: 'fd00::2/64' }], master: { name: 'eth0', mtu: 1000 } }),
    /1280/,
  ],
  ['ipvlan without addresses', () => plan.ipvlan({}, { ips: [] }), /name an ipam/],
  ['dummy without addresses', () => plan.dummy({}, { ips: [] }), /name an ipam/],
  ['no MAC', () => plan.tap({ mac: 'x' }), /"x" is not a MAC/],
  ['macvlan mode', () => plan.macvlan({ mode: 'l2' }), /macvlan .*mode: /],
  ['ipvlan mode', () => plan.ipvlan({ mode: 'bridge' }), /ipvlan .*mode: /],
  ['a VLAN beyond 4094', () => plan.vlan({ vlanId: 4095 }), /vlanId: /],
  ['vlan without a master', () => parseVlanConfig({}), /names no master/],
  ['a master with a slash', () => plan.macvlan({ master: 'a/b' }), /master: not the name/],
]

for (const [what, attempt, message] of refused) {
  test(`refused: ${what}`, () => assert.throws(attempt, { code: 'attach.invalid-configuration', message }))
}

test('refused: an SELinux context', () => {
  const message = /^unsupported field selinuxContext/
  assert.throws(() => parseTapConfig({ selinuxContext: 'a:b:c' }), {
    code: 'attach.unsupported-field',
    message,
  })
})

const before = (names: readonly string[]) => ({
  interfaces: names.map(name => ({ name })),
  ips: [],
  routes: [],
  dns: {},
})

const refusal = (message: RegExp) => ({ code: 'attach.invalid-configuration', message })

test('the master is the one named, else the uplink, else the one interface of the chain', () => {
  assert.equal(masterName({ master: 'eth1' }, { uplink: 'eth0', prevResult: before(['a', 'b']) }), 'eth1')
  assert.equal(masterName({ master: '' }, { uplink: 'eth0' }), 'eth0')
  assert.equal(masterName({ master: '' }, { uplink: 'eth0', prevResult: before(['a']) }), 'a')
  assert.throws(() => masterName({ master: '' }, {}), refusal(/no default route/))
  assert.throws(
    () => masterName({ master: '' }, { prevResult: before(['a', 'b']) }),
    refusal(/but a, b: name/),
  )
  assert.throws(() => masterName({ master: '' }, { prevResult: before([]) }), refusal(/but none: name/))
})
