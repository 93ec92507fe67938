import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSubnetEnv, renderSubnetEnv, subnetEnvFor } from './subnet-env.ts'
import { dualStack, networkConfig, self } from './testing.ts'

test('the file of a node', () => {
  assert.equal(
    renderSubnetEnv(subnetEnvFor(networkConfig(), self)),
    'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n',
  )
})

test('the file of a node with both families reads back', () => {
  const env = subnetEnvFor(networkConfig({ ...dualStack, masquerade: false }), {
    ...self,
    podCidrs: ['10.244.1.0/24', 'fd00:10:0:1::/64'],
  })
  const text = renderSubnetEnv(env)
  assert.equal(
    text,
    'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_IPV6_NETWORK=fd00:10::/48\n' +
      'FLANNEL_IPV6_SUBNET=fd00:10:0:1::1/64\nFLANNEL_MTU=1430\nFLANNEL_IPMASQ=false\n',
  )
  assert.deepEqual(parseSubnetEnv(text), env)
})

test('lists, comments, quotes, empty and unknown keys', () => {
  const env = parseSubnetEnv(
    '# by hand\r\nFLANNEL_NETWORK=10.244.0.0/16, 10.245.0.0/16\r\nFLANNEL_SUBNET="10.244.1.1/24"\n\n' +
      'FLANNEL_IPV6_SUBNET=\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=TRUE\nOTHER=1',
  )
  assert.deepEqual(env, {
    networks: ['10.244.0.0/16', '10.245.0.0/16'],
    subnet: '10.244.1.1/24',
    ipv6Networks: [],
    mtu: 1450,
    ipMasq: true,
  })
})

const good =
  'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n'

const refused: readonly [what: string, text: string, message: RegExp][] = [
  ['nothing', '', /lacks FLANNEL_SUBNET or FLANNEL_IPV6_SUBNET, FLANNEL_MTU, FLANNEL_IPMASQ: .*not finished/],
  ['half a file', good.slice(0, good.indexOf('FLANNEL_MTU')), /lacks FLANNEL_MTU, FLANNEL_IPMASQ/],
  ['a broken line', `${good}what\n`, /line 5 is not KEY=VALUE: "what"/],
  ['a broken network', good.replace('/16', '/160'), /line 1: FLANNEL_NETWORK is "10\.244\.0\.0\/160"/],
  ['the wrong family', good.replace('10.244.1.1/24', 'fd00::1/64'), /line 2: .*expected an IPv4 address/],
  ['a long prefix', good.replace('1.1/24', '1.1/33'), /line 2/],
  ['an MTU of 20', good.replace('1450', '20'), /line 3: FLANNEL_MTU is "20", expected a number of bytes/],
  ['maybe', good.replace('true', 'maybe'), /line 4: FLANNEL_IPMASQ is "maybe", expected true or false/],
  ['IPv6 without its network', `${good}FLANNEL_IPV6_SUBNET=fd00::1/64\n`, /lacks FLANNEL_IPV6_NETWORK/],
]

for (const [what, text, message] of refused) {
  test(`refused: ${what}`, () =>
    assert.throws(() => parseSubnetEnv(text), { code: 'overlay.subnet-env', message }))
}
