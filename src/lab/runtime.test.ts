import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { attachmentOf, POD_CONFLIST, POD_NETWORK, resultAddresses } from './runtime.ts'

describe('attachmentOf', () => {
  it('names the pod for Kubernetes', () => {
    const { args, ...rest } = attachmentOf({ name: 'web-1', containerId: 'abc', netns: '/run/netns/web-1' })
    assert.deepEqual(rest, { containerId: 'abc', netns: '/run/netns/web-1', ifName: 'eth0' })
    assert.deepEqual(Object.fromEntries(args ?? []), {
      IgnoreUnknown: '1',
      K8S_POD_NAMESPACE: 'default',
      K8S_POD_NAME: 'web-1',
      K8S_POD_INFRA_CONTAINER_ID: 'abc',
    })
  })
})

describe('POD_NETWORK', () => {
  it('speaks the newest version, and old ones to runtimes that know no other', () => {
    assert.equal(POD_NETWORK.cniVersion, '1.1.0')
    assert.equal(POD_CONFLIST.cniVersion, '1.0.0')
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
