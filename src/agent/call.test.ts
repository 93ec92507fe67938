import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfiguration, parseParameters } from '../cni/index.ts'
import { addressRequest } from './call.ts'

function request(extra: object, args: string) {
  const config = parseConfiguration(Buffer.from(JSON.stringify({ name: 'lan', type: 'bridge', ...extra })))
  const variables = { CNI_CONTAINERID: 'c', CNI_NETNS: '/n', CNI_IFNAME: 'eth0', CNI_ARGS: args }
  const parameters = parseParameters(new Map([['CNI_COMMAND', 'ADD'], ...Object.entries(variables)]))
  return addressRequest({ type: 'bridge', parameters, config, execute: undefined })
}

test('addresses are asked for in three places, which add up', () => {
  const asked = request(
    {
      runtimeConfig: { ips: ['fd00::0:7/64', '10.1.0.7/24'] },
      args: { cni: { ips: ['10.1.0.7', '10.2.0.8'] } },
    },
    'IP=10.3.0.9',
  )
  assert.deepEqual(asked, { addresses: ['fd00::7', '10.1.0.7', '10.2.0.8', '10.3.0.9'] })
})

test('the pod goes with them', () => {
  const asked = request({}, 'K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0')
  assert.deepEqual(asked, { addresses: [], pod: { namespace: 'default', name: 'web-0' } })
})

test('what is no address is refused', () => {
  for (const text of ['10.1.0.300', '10.1.0.1/33', '10.1.0.1/', 'x/24', '']) {
    assert.throws(() => request({}, `IP=${text}`), { code: 'ip.malformed' })
    assert.throws(() => request({ args: { cni: { ips: [text] } } }, ''), { code: 'ip.malformed' })
  }
})
