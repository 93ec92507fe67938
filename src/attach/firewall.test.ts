import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatEntry } from '../kernel/index.ts'
import { type FirewallSpec, planFirewall } from './firewall.ts'
import { parseFirewallConfig } from './firewall-config.ts'
import { parsePortmapConfig } from './portmap-config.ts'

const spec: Omit<FirewallSpec, 'config'> = {
  network: 'pods',
  containerId: 'c1',
  ifName: 'eth0',
  prevResult: {
    interfaces: [{ name: 'cni0' }, { name: 'veth1' }, { name: 'eth0', sandbox: '/run/netns/web-1' }],
    ips: [{ interface: 2, address: '10.1.2.3/24' }],
    routes: [],
    dns: {},
  },
}
const plan = (config: object, change: Partial<FirewallSpec> = {}) =>
  planFirewall({ ...spec, ...change, config: parseFirewallConfig(config) })
const withoutComments = (text: string) => text.replace(/-m comment --comment '[^']*' /g, '')
const elements = ({ host, shared }: ReturnType<typeof plan>) =>
  [...host, ...shared].flatMap(entry => (entry.kind === 'nft-element' ? [formatEntry(entry)] : []))

for (const config of [
  {},
  { ingressPolicy: '' },
  { ingressPolicy: 'open', backend: 'firewalld', firewalldZone: 'x' },
]) {
  test(`${JSON.stringify(config)} needs nothing where there is no iptables`, () => {
    const { result, ...entries } = plan(config)
    assert.equal(result, spec.prevResult)
    assert.deepEqual(entries, { pod: [], host: [], shared: [], displaced: [] })
  })
}

test('where iptables is to let the pod through: an element an address, and a chain a family', () => {
  const ips = [...spec.prevResult.ips, { address: 'fd00:1::3/64' }]
  const prevResult = { ...spec.prevResult, ips }
  const { host, shared } = plan({}, { prevResult, iptablesFamilies: [4, 6] })
  assert.deepEqual(host.map(formatEntry), [
    'nft add element inet podlace-firewall-forward pods4 { 10.1.2.3 }',
    'nft add element inet podlace-firewall-forward pods6 { fd00:1::3 }',
  ])
  assert.deepEqual(shared.map(formatEntry).map(withoutComments), [
    [
      'table inet podlace-firewall-forward {',
      '  set pods4 {',
      '    type ipv4_addr',
      '  }',
      '  set pods6 {',
      '    type ipv6_addr',
      '  }',
      '  chain forward {',
      '    type filter hook forward priority -10; policy accept;',
      ...[4, 6].flatMap(family => {
        const header = family === 4 ? 'ip' : 'ip6'
        const marking = 'meta mark set mark and 0xffffefff xor 0x1000'
        return [
          `    ${header} saddr @pods${family} ${marking} comment "firewall: from a pod"`,
          `    ${header} daddr @pods${family} ct state established,related ${marking} comment "firewall: answer to a pod"`,
        ]
      }),
      '  }',
      '}',
    ].join('\n'),
    ...['iptables', 'ip6tables'].map(program =>
      [
        `${program} -t filter -N PODLACE-FORWARD`,
        `${program} -t filter -A PODLACE-FORWARD -m mark --mark 0x1000/0x1000 -j ACCEPT`,
        `${program} -t filter -I FORWARD -j PODLACE-FORWARD`,
      ].join('\n'),
    ),
  ])
})

test('only what iptables is there for, and only of families that the pod has', () => {
  const prevResult = { ...spec.prevResult, ips: [{ address: 'fd00:1::3/64' }] }
  assert.deepEqual(plan({}, { prevResult, iptablesFamilies: [4] }).shared, [])
  const { shared } = plan({}, { iptablesFamilies: [4, 6] })
  assert.deepEqual(
    shared.flatMap(entry => (entry.kind === 'iptables-chain' ? [entry.family] : [])),
    [4],
  )
})

test('a policy and the way out stand side by side', () => {
  assert.deepEqual(elements(plan({ ingressPolicy: 'isolated' }, { iptablesFamilies: [4] })), [
    'nft add element bridge podlace-firewall isolated { veth1 }',
    'nft add element inet podlace-firewall-forward pods4 { 10.1.2.3 }',
    'nft add element inet podlace-firewall bridges { cni0 }',
  ])
})

test('the mark is not one that host ports may have', () => {
  assert.throws(() => parsePortmapConfig({ markMasqBit: 12 }), { message: /markMasqBit: .*choose another/ })
  assert.equal(parsePortmapConfig({ markMasqBit: 14 }).markMasqBit, 14)
})

test('same-bridge: the bridge, and what stays on it', () => {
  const { host, shared } = plan({
    ingressPolicy: 'same-bridge',
    backend: 'iptables',
    iptablesAdminChainName: 'A',
  })
  assert.deepEqual(host, [])
  assert.deepEqual(shared.map(formatEntry), [
    [
      'table inet podlace-firewall {',
      '  set bridges {',
      '    type ifname',
      '  }',
      '  set same {',
      '    type ifname . ifname',
      '  }',
      '  chain forward {',
      '    type filter hook forward priority 0; policy accept;',
      '    iifname . oifname @same accept comment "firewall"',
      '    iifname @bridges oifname @bridges counter drop comment "firewall: from another bridge"',
      '  }',
      '}',
    ].join('\n'),
    'nft add element inet podlace-firewall bridges { cni0 }',
    'nft add element inet podlace-firewall same { cni0 . cni0 }',
  ])
})

test('isolated: the port as well, and nothing stays on the bridge', () => {
  assert.deepEqual(elements(plan({ ingressPolicy: 'isolated' })), [
    'nft add element bridge podlace-firewall isolated { veth1 }',
    'nft add element inet podlace-firewall bridges { cni0 }',
  ])
})

test('a policy without a bridge is refused, an unknown one too', () => {
  const prevResult = { ...spec.prevResult, interfaces: [] }
  const invalid = { code: 'attach.invalid-configuration' }
  assert.throws(() => plan({ ingressPolicy: 'isolated' }, { prevResult }), {
    ...invalid,
    message: /behind bridge/,
  })
  assert.throws(() => parseFirewallConfig({ ingressPolicy: 'closed' }), {
    ...invalid,
    message: /ingressPolicy: /,
  })
  assert.throws(() => parseFirewallConfig({ backend: 'pf' }), { ...invalid, message: /backend: / })
})
