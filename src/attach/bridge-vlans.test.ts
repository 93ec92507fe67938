import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BridgeLink, BridgeVlan, Entry, LinkEntry } from '../kernel/index.ts'
import { type BridgeSpec, gatewayLink, planBridge } from './bridge.ts'
import { parseBridgeConfig } from './bridge-config.ts'
import { bridgeOfBoth } from './bridge-vlans.ts'
import { attachmentSpec } from './testing.ts'

const spec: Omit<BridgeSpec, 'config'> = {
  ...attachmentSpec,
  ips: [{ address: '10.1.2.3/24' }, { address: 'fd00::3/64' }],
}
const plan = (config: object, change: Partial<BridgeSpec> = {}) =>
  planBridge({ ...spec, ...change, config: parseBridgeConfig(config) }, 'pod')

function link(entries: readonly Entry[], name: string): LinkEntry | undefined {
  return entries.find((entry): entry is LinkEntry => entry.kind === 'link' && entry.name === name)
}

const native = { pvid: true, untagged: true }

const ports: readonly [what: string, config: object, vlans: readonly BridgeVlan[] | undefined][] = [
  ['none', {}, undefined],
  [
    'access',
    { vlan: 100 },
    [
      { id: 1, pvid: false, untagged: true },
      { id: 100, ...native },
    ],
  ],
  ['access alone', { vlan: 100, preserveDefaultVlan: false }, [{ id: 100, ...native }]],
  ['access to the default', { vlan: 1 }, [{ id: 1, ...native }]],
  [
    'trunk, untagged frames in the default VLAN',
    { vlanTrunk: [{ id: 101 }, { minID: 200, maxID: 201 }] },
    [{ id: 1, ...native }, { id: 101 }, { id: 200 }, { id: 201 }],
  ],
  ['trunk with the default tagged', { vlanTrunk: [{ id: 1 }] }, [{ id: 1 }]],
  ['trunk alone', { vlanTrunk: [{ id: 7 }], preserveDefaultVlan: false }, [{ id: 7 }]],
  [
    'trunk with an access VLAN',
    { vlan: 7, vlanTrunk: [{ minID: 6, maxID: 8 }], preserveDefaultVlan: false },
    [{ id: 6 }, { id: 7, ...native }, { id: 8 }],
  ],
]

for (const [what, config, vlans] of ports) {
  test(`port: ${what}`, () => {
    const { host, shared } = plan(config)
    const port = host.find(entry => entry.kind === 'link')
    assert.deepEqual(port?.kind === 'link' && port.bridgePort?.vlans, vlans)
    const bridge = link(shared, 'cni0')
    assert.ok(bridge?.type === 'bridge')
    assert.equal(bridge.vlanFiltering, vlans === undefined ? undefined : true)
    assert.equal(bridge.vlans, undefined)
  })
}

test('the gateway of a VLAN is a link of its own on the bridge', () => {
  const config = { vlan: 100, isDefaultGateway: true, mtu: 1400, forceAddress: true }
  const { shared, result, displaced } = plan(config, { bridgeAddresses: ['10.9.0.1/24'] })
  const bridge = link(shared, 'cni0')
  assert.deepEqual(bridge?.type === 'bridge' && bridge.vlans, [{ id: 1, ...native }, { id: 100 }])
  assert.deepEqual(link(shared, 'cni0.100'), {
    kind: 'link',
    type: 'vlan',
    claim: 'own',
    name: 'cni0.100',
    owner: 'bridge cni0',
    device: 'cni0',
    id: 100,
    up: true,
  })
  const addresses = [...shared, ...displaced].filter(entry => entry.kind === 'address')
  assert.deepEqual(
    addresses.map(entry => `${entry.address} ${entry.link}`),
    ['10.1.2.1/24 cni0.100', 'fd00::1/64 cni0.100', '10.9.0.1/24 cni0.100'],
  )
  const sysctls = shared.filter(entry => entry.kind === 'sysctl').map(({ path, value }) => `${path}=${value}`)
  assert.deepEqual(sysctls, [
    'ipv6/conf/cni0/accept_ra=0',
    'ipv6/conf/cni0.100/accept_ra=0',
    'ipv6/conf/cni0.100/accept_dad=0',
    'ipv4/conf/all/forwarding=1',
    'ipv6/conf/all/forwarding=1',
  ])
  const [first, , pod, gateway, ...more] = result.interfaces
  assert.deepEqual(gateway, { ...first, name: 'cni0.100' })
  assert.equal(pod?.sandbox, '/run/netns/web-1')
  assert.deepEqual(more, [])
})

test('the link of the gateways is the bridge, unless the pods are in a VLAN', () => {
  assert.equal(gatewayLink(parseBridgeConfig({ bridge: 'br0' })), 'br0')
  assert.equal(gatewayLink(parseBridgeConfig({ vlanTrunk: [{ id: 5 }] })), 'cni0')
  assert.equal(gatewayLink(parseBridgeConfig({ bridge: 'br0', vlan: 5 })), 'br0.5')
})

test('a bridge of somebody else has ports in VLANs, but is not changed itself', () => {
  const { shared, host } = plan({ bridge: 'br0', vlan: 100 }, { bridgeClaim: 'use' })
  assert.equal(link(shared, 'br0')?.type, 'device')
  assert.equal(host[0]?.kind === 'link' && host[0].bridgePort?.vlans?.length, 2)
  assert.throws(() => plan({ bridge: 'br0', vlan: 100, isGateway: true }, { bridgeClaim: 'use' }), {
    code: 'attach.unsupported-field',
    message: /unsupported field vlan: bridge br0/,
  })
})

test('refused: a gateway whose name is too long', () => {
  const message = /a-long-bridge\.4000: .*shorter/
  assert.throws(() => plan({ bridge: 'a-long-bridge', vlan: 4000, isGateway: true }), {
    code: 'attach.invalid-configuration',
    message,
  })
})

test('the bridge takes all frames if asked to', () => {
  const config = { promiscMode: true, hairpinMode: false }
  assert.equal(link(plan(config).shared, 'cni0')?.promisc, true)
  assert.equal(link(plan(config, { bridgeClaim: 'use' }).shared, 'cni0')?.promisc, true)
  assert.equal(link(plan({}).shared, 'cni0')?.promisc, undefined)
})

function bridgeFor(config: object): BridgeLink {
  const found = link(plan(config).shared, 'cni0')
  return found?.type === 'bridge' ? found : assert.fail()
}

test('networks that share a bridge have all their VLANs on it', () => {
  const gateways = [100, 200].map(vlan => bridgeFor({ vlan, isGateway: true }))
  const [a, b] = gateways
  assert.ok(a !== undefined && b !== undefined)
  const both = bridgeOfBoth(a, b)
  assert.deepEqual(both, { ...b, vlans: [{ id: 1, ...native }, { id: 100 }, { id: 200 }] })
  assert.deepEqual(bridgeOfBoth(b, a), { ...both, name: 'cni0' })
  const plain = bridgeFor({})
  assert.deepEqual(bridgeOfBoth(bridgeFor({ vlan: 5, promiscMode: true }), plain), {
    ...plain,
    vlanFiltering: true,
    promisc: true,
  })
  assert.deepEqual(bridgeOfBoth(plain, plain), plain)
})
