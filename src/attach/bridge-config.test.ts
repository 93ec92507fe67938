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
    ipMasqBackend: 'nftables',
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

const vlans = (config: object) => parseBridgeConfig(config).vlans

test('VLANs: an access port, a trunk, both', () => {
  assert.deepEqual(vlans({ vlan: 100 }), { access: 100, trunk: [], preserveDefault: true })
  const trunk = { vlanTrunk: [{ id: 9 }, { minID: 5, maxID: 7, id: 6 }, {}] }
  assert.deepEqual(vlans(trunk), { trunk: [5, 6, 7, 9], preserveDefault: true })
  assert.deepEqual(vlans({ ...trunk, vlan: 4094, preserveDefaultVlan: false }), {
    access: 4094,
    trunk: [5, 6, 7, 9],
    preserveDefault: false,
  })
  for (const none of [null, [], [{}]]) assert.equal(vlans({ vlanTrunk: none }), undefined)
})

test('promiscMode', () => assert.equal(parseBridgeConfig({ promiscMode: true }).promiscMode, true))

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
  ['a guard of words', { guard: 'yes' }, 'invalid-configuration', /guard: /],
  ['a trunk from nowhere', { vlanTrunk: [{ maxID: 5 }] }, 'invalid-configuration', /minID missing, maxID 5/],
  ['a trunk to nowhere', { vlanTrunk: [{ minID: 5 }] }, 'invalid-configuration', /maxID missing/],
  ['a trunk backwards', { vlanTrunk: [{ minID: 5, maxID: 4 }] }, 'invalid-configuration', /minID 5, maxID 4/],
  ['VLAN 0 in a trunk', { vlanTrunk: [{ id: 0 }] }, 'invalid-configuration', /vlanTrunk\.0\.id: /],
  ['another backend', { ipMasqBackend: 'ipvs' }, 'invalid-configuration', /ipMasqBackend/],
]

for (const [what, config, code, message] of refused) {
  test(`refused: ${what}`, () =>
    assert.throws(() => parseBridgeConfig(config), { code: `attach.${code}`, message }))
}
