import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Entry, formatEntry } from '../kernel/index.ts'
import { type PtpSpec, planPtp } from './ptp.ts'
import { parsePtpConfig } from './ptp-config.ts'
import { namedSpec } from './testing.ts'

const spec: PtpSpec = {
  ...namedSpec,
  ips: [{ address: '10.1.2.3/24' }],
  routes: [{ dst: '0.0.0.0/0' }],
  config: parsePtpConfig({ mtu: 1450, guard: false }),
}

const text = (entries: readonly Entry[]) => entries.map(formatEntry)
const plan = (change: Partial<PtpSpec>) => planPtp({ ...spec, ...change }, 'netns-7')

test('a pod whose every packet goes to the host', () => {
  const { pod, host, shared, displaced, result } = plan({})
  assert.deepEqual(text(pod).slice(-5), [
    'ip link set eth0 mtu 1450 address d6:2e:03:2f:ed:d9 up',
    'ip address replace 10.1.2.3/24 dev eth0 noprefixroute',
    'ip route replace 10.1.2.1/32 dev eth0 src 10.1.2.3 scope link proto 113',
    'ip route replace 10.1.2.0/24 via 10.1.2.1 dev eth0 src 10.1.2.3 proto 113',
    'ip route replace default via 10.1.2.1 dev eth0 proto 113',
  ])
  assert.deepEqual(text(host), [
    "ip link add vethd72e032f mtu 1450 address 3e:93:2b:2a:34:2b alias 'podlace:pod default/web-1 eth0' up " +
      'type veth peer name eth0 netns netns-7 address d6:2e:03:2f:ed:d9 mtu 1450',
    'sysctl -w net/ipv6/conf/vethd72e032f/accept_ra=0',
    'ip address replace 10.1.2.1/32 dev vethd72e032f',
    'ip route replace 10.1.2.3/32 dev vethd72e032f scope link proto 113',
  ])
  assert.deepEqual(text(shared), ['sysctl -w net/ipv4/conf/all/forwarding=1'])
  assert.deepEqual(displaced, [])
  assert.deepEqual(result, {
    interfaces: [
      { name: 'vethd72e032f', mac: '3e:93:2b:2a:34:2b', mtu: 1450 },
      { name: 'eth0', mac: 'd6:2e:03:2f:ed:d9', mtu: 1450, sandbox: '/run/netns/web-1' },
    ],
    ips: [{ interface: 1, address: '10.1.2.3/24', gateway: '10.1.2.1' }],
    routes: [{ dst: '0.0.0.0/0' }],
    dns: {},
  })
})

test('both families, masqueraded; no default route that address management did not give', () => {
  const ips = [{ address: '10.1.2.3/24' }, { address: 'fd00:1::3/64', gateway: 'fd00:1::fe' }]
  const { pod, host, shared } = plan({
    ips,
    routes: [],
    config: parsePtpConfig({ ipMasq: true, guard: false }),
  })
  assert.deepEqual(text(pod).slice(-6), [
    'ip address replace 10.1.2.3/24 dev eth0 noprefixroute',
    'ip -6 address replace fd00:1::3/64 dev eth0 noprefixroute',
    'ip route replace 10.1.2.1/32 dev eth0 src 10.1.2.3 scope link proto 113',
    'ip route replace 10.1.2.0/24 via 10.1.2.1 dev eth0 src 10.1.2.3 proto 113',
    'ip -6 route replace fd00:1::fe/128 dev eth0 proto 113',
    'ip -6 route replace fd00:1::/64 via fd00:1::fe dev eth0 proto 113',
  ])
  assert.deepEqual(text(host).slice(1), [
    'sysctl -w net/ipv6/conf/vethd72e032f/accept_ra=0',
    'sysctl -w net/ipv6/conf/vethd72e032f/accept_dad=0',
    'ip address replace 10.1.2.1/32 dev vethd72e032f',
    'ip route replace 10.1.2.3/32 dev vethd72e032f scope link proto 113',
    'ip -6 address replace fd00:1::fe/128 dev vethd72e032f',
    'ip -6 route replace fd00:1::3/128 dev vethd72e032f proto 113',
    'nft add element ip podlace-net-pods pods { 10.1.2.3 }',
    'nft add element ip6 podlace-net-pods pods { fd00:1::3 }',
  ])
  assert.deepEqual(text(shared).slice(0, 2), [
    'sysctl -w net/ipv4/conf/all/forwarding=1',
    'sysctl -w net/ipv6/conf/all/forwarding=1',
  ])
  assert.match(text(shared)[2] ?? '', /^table ip podlace-net-pods/)
})

test('a single address has a gateway outside, and no subnet', () => {
  const { pod } = plan({ ips: [{ address: '10.1.2.3/32', gateway: '169.254.1.1' }] })
  assert.deepEqual(text(pod).slice(-3), [
    'ip address replace 10.1.2.3/32 dev eth0 noprefixroute',
    'ip route replace 169.254.1.1/32 dev eth0 src 10.1.2.3 scope link proto 113',
    'ip route replace default via 169.254.1.1 dev eth0 onlink proto 113',
  ])
})

test('two addresses behind one gateway: the gateway once', () => {
  const ips = [{ address: '10.1.2.3/24' }, { address: '10.1.2.4/24' }]
  const { pod, host } = plan({ ips, routes: [] })
  assert.equal(text(pod).filter(line => line.includes('10.1.2.1/32')).length, 1)
  assert.deepEqual(text(host).slice(-3), [
    'ip address replace 10.1.2.1/32 dev vethd72e032f',
    'ip route replace 10.1.2.3/32 dev vethd72e032f scope link proto 113',
    'ip route replace 10.1.2.4/32 dev vethd72e032f scope link proto 113',
  ])
})

test('where there is no IPv6, none is asked for: without it in the kernel, and with a small MTU', () => {
  const withoutIt = plan({ podHasIpv6: false, hostHasIpv6: false })
  const small = plan({ config: parsePtpConfig({ mtu: 1279, guard: false }) })
  for (const { pod, host } of [withoutIt, small]) assert.doesNotMatch(text([...pod, ...host]).join(), /ipv6/)
})

test('the name server of the configuration comes before that of ipam', () => {
  const dns = { nameservers: ['10.0.0.1'] }
  assert.deepEqual(plan({ dns, config: parsePtpConfig({ dns: { domain: 'x' } }) }).result.dns, {
    domain: 'x',
  })
  assert.deepEqual(plan({ dns }).result.dns, dns)
})

const refusedPlans: readonly [what: string, change: Partial<PtpSpec>, message: RegExp][] = [
  ['no addresses', { ips: [] }, /none: name an ipam/],
  [
    'an IPv6 pod on a small MTU',
    { ips: [{ address: 'fd00::2/64' }], config: parsePtpConfig({ mtu: 1200 }) },
    /1280/,
  ],
  ['the gateway as a pod', { ips: [{ address: '10.1.1.1/24' }] }, /is the gateway itself/],
]

for (const [what, change, message] of refusedPlans) {
  test(`refused: ${what}`, () =>
    assert.throws(() => plan(change), { code: 'attach.invalid-configuration', message }))
}

test('configuration: defaults, and what does not go', () => {
  assert.deepEqual(parsePtpConfig({ type: 'ptp', ipMasqBackend: 'nftables', bridge: 7 }), {
    ipMasq: false,
    ipMasqBackend: 'nftables',
    mtu: 0,
    guard: true,
  })
  const invalid = { code: 'attach.invalid-configuration' }
  assert.throws(() => parsePtpConfig({ mtu: 60 }), { ...invalid, message: /the ptp .*mtu: 60 is below 68/ })
  assert.throws(() => parsePtpConfig({ ipMasq: 'yes' }), { ...invalid, message: /ipMasq: / })
  assert.throws(() => parsePtpConfig({ ipMasqBackend: 'ipvs' }), { ...invalid, message: /ipMasqBackend/ })
})
