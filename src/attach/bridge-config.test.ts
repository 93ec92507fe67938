import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseBridgeConfig } from './bridge-config.ts'

test('defaults', () => {
  assert.deepEqual(parseBridgeConfig({ name: 'pods', type: 'bridge', anything: 1 }), {
    bridge: 'cni0',
    isGateway: false,
    isDefaultGateway: false,
    forceAddress: false,
    ipMasq: false,
    mtu: 0,
    hairpinMode: false,
    portIsolation: false,
    enabledad: false,
    disableContainerInterface: false,
    guard: true,
    macspoofchk: false,
  })
})

test('a default gateway is a gateway; what says nothing passes', () => {
  const config = parseBridgeConfig({
    isDefaultGateway: true,
    bridge: '',
    vlan: 0,
    vlanTrunk: [],
    promiscMode: false,
  })
  assert.equal(config.isGateway, true)
  assert.equal(config.bridge, 'cni0')
})

const refused: readonly [what: string, config: object, code: string, message: RegExp][] = [
  [
    'hairpin and promiscuous',
    { hairpinMode: true, promiscMode: true },
    'invalid-configuration',
    /cannot both/,
  ],
  [
    'ipam on a dead interface',
    { disableContainerInterface: true, ipam: { type: 'x' } },
    'invalid-configuration',
    /ipam/,
  ],
  ['a long name', { bridge: 'a-name-of-16-byt' }, 'invalid-configuration', /bridge: .*at most 15/],
  ['a tiny MTU', { mtu: 60 }, 'invalid-configuration', /below 68/],
  ['an MTU of words', { mtu: '1500' }, 'invalid-configuration', /mtu: /],
  ['a VLAN beyond 4094', { vlan: 4095 }, 'invalid-configuration', /vlan: /],
  ['vlan', { vlan: 100 }, 'unsupported-field', /^unsupported field vlan:/],
  ['vlanTrunk', { vlanTrunk: [{ id: 5 }] }, 'unsupported-field', /^unsupported field vlanTrunk:/],
  ['promiscMode', { promiscMode: true }, 'unsupported-field', /^unsupported field promiscMode:/],
  ['a guard of words', { guard: 'yes' }, 'invalid-configuration', /guard: /],
  [
    'iptables',
    { ipMasqBackend: 'iptables' },
    'unsupported-field',
    /^unsupported field ipMasqBackend: .*nftables/,
  ],
]

for (const [what, config, code, message] of refused) {
  test(`refused: ${what}`, () =>
    assert.throws(() => parseBridgeConfig(config), { code: `attach.${code}`, message }))
}
