import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseBandwidthConfig } from './bandwidth-config.ts'

const ingress = { ingressRate: 8000, ingressBurst: 80 }
const egress = { egressRate: 16_000, egressBurst: 160 }

test('limits of one direction, of both, and of none', () => {
  const both = {
    ingress: { rateBps: 8000, burstBits: 80 },
    egress: { rateBps: 16_000, burstBits: 160 },
  }
  assert.deepEqual(parseBandwidthConfig({ name: 'n', ...ingress, ...egress }), both)
  assert.deepEqual(parseBandwidthConfig(ingress), { ingress: both.ingress })
  assert.deepEqual(parseBandwidthConfig(egress), { egress: both.egress })
  for (const nothing of [{}, { ingressRate: 0, egressBurst: null }, { runtimeConfig: { bandwidth: null } }]) {
    assert.deepEqual(parseBandwidthConfig(nothing), {})
  }
})

test('a runtime limits what the configuration says nothing of', () => {
  const runtimeConfig = { bandwidth: egress, mac: 'of another plugin' }
  assert.deepEqual(parseBandwidthConfig({ runtimeConfig }), parseBandwidthConfig(egress))
  assert.deepEqual(parseBandwidthConfig({ ...ingress, runtimeConfig }), parseBandwidthConfig(ingress))
  assert.deepEqual(parseBandwidthConfig({ ingressRate: 0, runtimeConfig }), {})
})

test('what the runtime says is not looked at where it does not count', () => {
  const runtimeConfig = { bandwidth: { ingressRate: 8 } }
  assert.deepEqual(parseBandwidthConfig({ ...egress, runtimeConfig }), parseBandwidthConfig(egress))
})

test('bursts up to 4 GiB', () => {
  const largest = (2 ** 32 - 1) * 8 - 1
  const config = parseBandwidthConfig({ ingressRate: 8, ingressBurst: largest })
  assert.equal(config.ingress?.burstBits, largest)
})

const refused: readonly [what: string, config: object, message: RegExp][] = [
  ['a rate alone', { ingressRate: 8000 }, /ingressRate needs ingressBurst/],
  ['a burst alone', { egressBurst: 8000 }, /egressBurst needs egressRate/],
  ['a rate alone, of the runtime', { runtimeConfig: { bandwidth: { egressRate: 8 } } }, /egressRate needs/],
  ['a rate of less than a byte', { ingressRate: 7, ingressBurst: 80 }, /ingressRate 7 is below 8/],
  ['a burst of less than a byte', { egressRate: 80, egressBurst: 7 }, /egressBurst 7 is below 8/],
  ['a burst of 4 GiB', { ingressRate: 8, ingressBurst: (2 ** 32 - 1) * 8 }, /is 4 GiB or more/],
  ['a rate that is no number', { ingressRate: '8k', ingressBurst: 80 }, /ingressRate/],
  ['half a bit', { ingressRate: 8.5, ingressBurst: 80 }, /ingressRate/],
  [
    'both kinds of subnets',
    { ...ingress, shapedSubnets: ['10.0.0.0/8'], unshapedSubnets: ['11.0.0.0/8'] },
    /cannot both be set/,
  ],
  ['a subnet that is none', { ...ingress, shapedSubnets: ['10.0.0.0/8', 'hello'] }, /shapedSubnets.*"hello"/],
  ['a negative burst', { runtimeConfig: { bandwidth: { egressBurst: -8 } } }, /egressBurst/],
]
for (const [what, config, message] of refused) {
  test(`${what} is refused`, () => {
    assert.throws(() => parseBandwidthConfig(config), { code: 'attach.invalid-configuration', message })
  })
}

test('limits for some peers, or for all but some', () => {
  const { ingress: limit } = parseBandwidthConfig(ingress)
  const subnets = ['fd00:1::/64', '10.1.2.3/8', '10.0.0.0/8', '0.0.0.0/0']
  const prefixes = ['0.0.0.0/0', '10.0.0.0/8', 'fd00:1::/64']
  const peers = (keys: object) => parseBandwidthConfig({ ...ingress, ...keys })
  assert.deepEqual(peers({ shapedSubnets: subnets }), {
    ingress: limit,
    peers: { shaped: 'listed', prefixes },
  })
  assert.deepEqual(peers({ unshapedSubnets: subnets, shapedSubnets: [] }), {
    ingress: limit,
    peers: { shaped: 'others', prefixes },
  })
  assert.deepEqual(peers({ unshapedSubnets: [], shapedSubnets: null }), { ingress: limit })
  const runtimeConfig = { bandwidth: { ...ingress, shapedSubnets: ['10.0.0.0/8'] } }
  assert.deepEqual(parseBandwidthConfig({ runtimeConfig }).peers?.prefixes, ['10.0.0.0/8'])
})
