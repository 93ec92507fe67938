import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cniEnvironment, deriveConfig, POD_NETWORK, resultAddresses } from './runtime.ts'

const attachment = {
  containerId: 'abc',
  netns: '/run/netns/web-1',
  ifname: 'eth0',
  podNamespace: 'default',
  podName: 'web-1',
}

describe('deriveConfig', () => {
  it('gives a plugin its object with name and version of the list, and what the runtime adds', () => {
    const list = { cniVersion: '1.1.0', name: 'net', plugins: [{ type: 'bridge', bridge: 'b0' }] }
    const [plugin] = list.plugins
    assert.ok(plugin !== undefined)
    assert.deepEqual(JSON.parse(deriveConfig(list, plugin, { prevResult: { ips: [] } })), {
      cniVersion: '1.1.0',
      name: 'net',
      type: 'bridge',
      bridge: 'b0',
      prevResult: { ips: [] },
    })
  })

  it('does not let a plugin object rename its network', () => {
    const plugin = { type: 'bridge', name: 'other', cniVersion: '0.1.0' }
    assert.match(deriveConfig({ ...POD_NETWORK, plugins: [plugin] }, plugin), /"name":"podlace"/)
  })
})

describe('cniEnvironment', () => {
  it('has what the specification asks for, and the pod for Kubernetes', () => {
    const env = cniEnvironment('ADD', attachment)
    assert.equal(env['CNI_COMMAND'], 'ADD')
    assert.equal(env['CNI_CONTAINERID'], 'abc')
    assert.equal(env['CNI_NETNS'], '/run/netns/web-1')
    assert.equal(env['CNI_IFNAME'], 'eth0')
    assert.match(
      env['CNI_ARGS'] ?? '',
      /^IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-1;K8S_POD_INFRA_CONTAINER_ID=abc$/,
    )
  })

  it('names no container for STATUS and GC', () => {
    assert.deepEqual(Object.keys(cniEnvironment('STATUS')).sort(), ['CNI_COMMAND', 'CNI_PATH'])
  })
})

describe('resultAddresses', () => {
  it('takes the addresses without their lengths, and nothing from what is no result', () => {
    const result = { ips: [{ address: '10.244.1.2/24' }, { address: 'fd00::2/64' }] }
    assert.deepEqual(resultAddresses(result), ['10.244.1.2', 'fd00::2'])
    for (const odd of [{}, { ips: 'no' }, { ips: [1, {}, { address: 2 }] }])
      assert.deepEqual(resultAddresses(odd), [])
  })
})
