import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatEntry } from '../kernel/index.ts'
import { type FirewallSpec, planFirewall } from './firewall.ts'
import { parseFirewallConfig } from './firewall-config.ts'

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
const elements = ({ host, shared }: ReturnType<typeof plan>) =>
  [...host, ...shared].flatMap(entry => (entry.kind === 'nft-element' ? [formatEntry(entry)] : []))

for (const config of [
  {},
  { ingressPolicy: '' },
  { ingressPolicy: 'open', backend: 'firewalld', firewalldZone: 'x' },
]) {
  test(`${JSON.stringify(config)} needs nothing: what nobody drops passes`, () => {
    const { result, ...entries } = plan(config)
    assert.equal(result, spec.prevResult)
    assert.deepEqual(entries, { pod: [], host: [], shared: [], displaced: [] })
  })
}

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
