import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Entry, entryKey, formatEntry } from '../kernel/index.ts'
import { type BridgeSpec, planBridge } from './bridge.ts'
import { parseBridgeConfig } from './bridge-config.ts'
import type { RequestedMac } from './plan.ts'
import { namedSpec } from './testing.ts'

const spec: BridgeSpec = {
  ...namedSpec,
  ips: [{ address: '10.244.1.2/24' }],
  config: parseBridgeConfig({
    bridge: 'cni0',
    isDefaultGateway: true,
    hairpinMode: true,
    mtu: 1450,
    guard: false,
  }),
}

const text = (entries: readonly Entry[]) => entries.map(formatEntry)
const withConfig = (config: object, change: Partial<BridgeSpec> = {}) =>
  planBridge({ ...spec, ...change, config: parseBridgeConfig({ guard: false, ...config }) }, 'netns-7')

const everything = (config: object, change: Partial<BridgeSpec> = {}) => {
  const { pod, host, shared } = withConfig({ isGateway: true, ...config }, change)
  return text([...pod, ...host, ...shared]).join('\n')
}

const macs = ['02:00:00:00:00:0a', '02:00:00:00:00:0b', '02:00:00:00:00:0c'] as const
const macOf = (requestedMac: RequestedMac) => withConfig({}, { requestedMac }).result.interfaces[2]?.mac

test('a pod behind a gateway', () => {
  const { pod, host, shared, result, displaced } = planBridge(spec, 'netns-7')
  assert.deepEqual(text(pod), [
    'ip link set lo up',
    'sysctl -w net/ipv4/conf/eth0/arp_notify=1',
    'sysctl -w net/ipv4/conf/all/accept_redirects=0',
    'sysctl -w net/ipv4/conf/eth0/accept_redirects=0',
    'sysctl -w net/ipv6/conf/eth0/accept_ra=0',
    'sysctl -w net/ipv6/conf/eth0/accept_redirects=0',
    'sysctl -w net/ipv6/conf/eth0/accept_dad=0',
    'ip link set eth0 mtu 1450 address d6:2e:03:2f:ed:d9 up',
    'ip address replace 10.244.1.2/24 dev eth0',
    'ip route replace default via 10.244.1.1 dev eth0 proto 113',
  ])
  assert.deepEqual(text(host), [
    "ip link add vethd72e032f mtu 1450 address 3e:93:2b:2a:34:2b master cni0 alias 'podlace:pod default/web-1 eth0' " +
      'type veth peer name eth0 netns netns-7 address d6:2e:03:2f:ed:d9 mtu 1450 ' +
      '&& ip link set vethd72e032f addrgenmode none up && bridge link set dev vethd72e032f hairpin on isolated off',
    'sysctl -w net/ipv6/conf/vethd72e032f/accept_ra=0',
  ])
  assert.deepEqual(text(shared), [
    "ip link add cni0 mtu 1450 address ca:cf:2d:d1:06:7f alias 'podlace:bridge cni0' up type bridge",
    'sysctl -w net/ipv6/conf/cni0/accept_ra=0',
    'sysctl -w net/ipv4/conf/all/forwarding=1',
    'ip address replace 10.244.1.1/24 dev cni0',
  ])
  assert.deepEqual(displaced, [])
  assert.deepEqual(result, {
    interfaces: [
      { name: 'cni0', mac: 'ca:cf:2d:d1:06:7f', mtu: 1450 },
      { name: 'vethd72e032f', mac: '3e:93:2b:2a:34:2b', mtu: 1450 },
      { name: 'eth0', mac: 'd6:2e:03:2f:ed:d9', mtu: 1450, sandbox: '/run/netns/web-1' },
    ],
    ips: [{ interface: 2, address: '10.244.1.2/24', gateway: '10.244.1.1' }],
    routes: [{ dst: '0.0.0.0/0', gw: '10.244.1.1' }],
    dns: {},
  })
})

test('both families, masqueraded: rules once, one element a pod and a subnet', () => {
  const dual = { ips: [{ address: '10.1.2.3/24' }, { address: 'fd00:1::3/64' }] }
  const { pod, host, shared } = withConfig({ isDefaultGateway: true, ipMasq: true }, dual)
  assert.deepEqual(text(pod).slice(-4), [
    'ip address replace 10.1.2.3/24 dev eth0',
    'ip -6 address replace fd00:1::3/64 dev eth0',
    'ip route replace default via 10.1.2.1 dev eth0 proto 113',
    'ip -6 route replace default via fd00:1::1 dev eth0 proto 113',
  ])
  assert.deepEqual(text(host).slice(-2), [
    'nft add element ip podlace-net-pods pods { 10.1.2.3 }',
    'nft add element ip6 podlace-net-pods pods { fd00:1::3 }',
  ])
  assert.deepEqual(text(shared).slice(1, -4), [
    'sysctl -w net/ipv6/conf/cni0/accept_ra=0',
    'sysctl -w net/ipv6/conf/cni0/accept_dad=0',
    'sysctl -w net/ipv4/conf/all/forwarding=1',
    'sysctl -w net/ipv6/conf/all/forwarding=1',
    'ip address replace 10.1.2.1/24 dev cni0',
    'ip -6 address replace fd00:1::1/64 dev cni0',
  ])
  assert.deepEqual(text(shared).slice(-4), [
    [
      'table ip podlace-net-pods {',
      '  set pods {',
      '    type ipv4_addr',
      '  }',
      '  set subnets {',
      '    type ipv4_addr',
      '    flags interval',
      '  }',
      '  chain postrouting {',
      '    type nat hook postrouting priority 100; policy accept;',
      '    ip saddr @pods ip daddr @subnets return comment "network pods"',
      '    ip saddr @pods ip daddr != 224.0.0.0/4 masquerade fully-random comment "network pods"',
      '  }',
      '}',
    ].join('\n'),
    [
      'table ip6 podlace-net-pods {',
      '  set pods {',
      '    type ipv6_addr',
      '  }',
      '  set subnets {',
      '    type ipv6_addr',
      '    flags interval',
      '  }',
      '  chain postrouting {',
      '    type nat hook postrouting priority 100; policy accept;',
      '    ip6 saddr @pods ip6 daddr @subnets return comment "network pods"',
      '    ip6 saddr @pods ip6 daddr != ff00::/8 masquerade fully-random comment "network pods"',
      '  }',
      '}',
    ].join('\n'),
    'nft add element ip podlace-net-pods subnets { 10.1.2.0/24 }',
    'nft add element ip6 podlace-net-pods subnets { fd00:1::/64 }',
  ])
})

test('layer 2: no address management, no addresses, no forwarding', () => {
  const { pod, shared, result } = withConfig({ isGateway: true }, { ips: [] })
  assert.equal(text(pod).at(-1), 'ip link set eth0 address d6:2e:03:2f:ed:d9 up')
  assert.deepEqual(text(shared).slice(1), ['sysctl -w net/ipv6/conf/cni0/accept_ra=0'])
  assert.deepEqual(result.ips, [])
})

test('a container without a pod, an interface that stays down, a kernel without IPv6', () => {
  const { pod: _, ...bare } = spec
  const noIpv6 = { podHasIpv6: false, hostHasIpv6: false, ips: [] }
  const config = parseBridgeConfig({ disableContainerInterface: true, guard: false })
  const plan = planBridge({ ...bare, ...noIpv6, config }, 'netns-7')
  assert.match(text(plan.host)[0] ?? '', /alias 'podlace:container c1 eth0'/)
  assert.match(text(plan.pod).at(-1) ?? '', /^ip link set eth0 address \S+ down$/)
  assert.doesNotMatch(text([...plan.pod, ...plan.host, ...plan.shared]).join(), /addrgenmode|ipv6/)
})

test('a link with a small MTU has no IPv6, and nothing is said of it', () => {
  assert.match(everything({ mtu: 1280 }), /addrgenmode none[^]*ipv6/)
  assert.doesNotMatch(everything({ mtu: 1279 }), /addrgenmode|ipv6/)
})

test('a bridge of somebody else has an MTU of its own, and may have none of IPv6', () => {
  const wide = everything({ mtu: 1200 }, { bridgeClaim: 'use', bridgeMtu: 1500 })
  assert.deepEqual(wide.match(/ipv6\/conf\/\S+/g), ['ipv6/conf/cni0/accept_ra=0'])
  assert.doesNotMatch(everything({}, { bridgeClaim: 'use', bridgeMtu: 1200 }), /ipv6\/conf\/cni0/)
})

test('a bridge of somebody else is used as it is', () => {
  const { shared, result } = withConfig({ bridge: 'br-lan', mtu: 1400 }, { bridgeClaim: 'use' })
  assert.equal(text(shared)[0], 'ip link set br-lan up')
  assert.deepEqual(result.interfaces[0], { name: 'br-lan' })
})

test('ports can be isolated, duplicate detection can stay', () => {
  const { host, pod } = withConfig({ portIsolation: true, enabledad: true })
  assert.match(text(host)[0] ?? '', /hairpin off isolated on$/)
  assert.equal(text(pod).join().includes('accept_dad'), false)
})

test('without a gateway the pod keeps to its subnet', () => {
  const { shared, result } = withConfig({})
  assert.equal(
    text(shared).some(line => line.startsWith('ip address')),
    false,
  )
  assert.deepEqual(result.ips, [{ interface: 2, address: '10.244.1.2/24' }])
})

test('the name server of the configuration comes before that of ipam', () => {
  const dns = { nameservers: ['10.0.0.1'] }
  assert.deepEqual(withConfig({ dns: { domain: 'x' } }, { dns }).result.dns, { domain: 'x' })
  assert.deepEqual(withConfig({ dns: {} }, { dns }).result.dns, dns)
})

const present: readonly [what: string, addresses: string[], force: boolean, outcome: string[] | RegExp][] = [
  ['the gateway is there', ['10.244.1.1/24'], false, []],
  ['another IPv4 address', ['10.9.0.1/24'], false, /cni0 has address 10\.9\.0\.1\/24.*forceAddress/],
  ['another IPv4 address, forced', ['10.9.0.1/24'], true, ['10.9.0.1/24']],
  ['an IPv6 address does not matter', ['fd00::1/64'], false, []],
]

for (const [what, bridgeAddresses, forceAddress, outcome] of present) {
  test(`on the bridge: ${what}`, () => {
    const config = parseBridgeConfig({ isGateway: true, forceAddress })
    const plan = () => planBridge({ ...spec, bridgeAddresses, config }, 'netns-7')
    if (outcome instanceof RegExp) assert.throws(plan, { code: 'attach.address-conflict', message: outcome })
    else
      assert.deepEqual(
        plan().displaced.map(entry => entry.address),
        outcome,
      )
  })
}

const refused: readonly [what: string, config: object, change: Partial<BridgeSpec>, message: RegExp][] = [
  [
    'a /32 without a gateway',
    { isGateway: true },
    { ips: [{ address: '10.1.1.1/32' }] },
    /no room for a gateway/,
  ],
  [
    'the gateway as a pod',
    { isGateway: true },
    { ips: [{ address: '10.1.1.1/24' }] },
    /is the gateway itself/,
  ],
  ['an IPv6 pod on a small MTU', { mtu: 1200 }, { ips: [{ address: 'fd00::2/64' }] }, /below 1280/],
  ['addresses on a link that stays down', { disableContainerInterface: true }, {}, /no use for addresses/],
  ['a multicast MAC', {}, { requestedMac: { args: '01:00:5e:00:00:01' } }, /multicast/],
  ['no MAC', {}, { requestedMac: { cniArgs: 'x' } }, /"x" is not a MAC address/],
]

for (const [what, config, change, message] of refused) {
  test(`refused: ${what}`, () => {
    assert.throws(() => withConfig(config, change), { code: 'attach.invalid-configuration', message })
  })
}

test('a MAC is taken from runtimeConfig before args before CNI_ARGS', () => {
  assert.equal(macOf({ runtimeConfig: macs[0], args: macs[1], cniArgs: macs[2] }), macs[0])
  assert.equal(macOf({ args: macs[1], cniArgs: macs[2] }), macs[1])
  assert.equal(macOf({ runtimeConfig: '', cniArgs: macs[2].toUpperCase() }), macs[2])
})

test('pods of one network share what is shared, and nothing else', () => {
  const id = fc.string({ unit: fc.constantFrom('a', 'b', '0', '1'), minLength: 4, maxLength: 8 })
  fc.assert(
    fc.property(fc.uniqueArray(id, { minLength: 2, maxLength: 2 }), ids => {
      const config = { isDefaultGateway: true, ipMasq: true }
      const [a, b] = ids.map((containerId, n) =>
        withConfig(config, { containerId, ips: [{ address: `10.1.2.${n + 2}/24` }] }),
      )
      assert.deepEqual(a?.shared, b?.shared)
      const keys = [...(a?.host ?? []), ...(b?.host ?? [])].map(entryKey)
      assert.equal(new Set(keys).size, keys.length)
    }),
    { numRuns: 50 },
  )
})
