import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { podNamespace } from './trace-world.ts'

const pod = {
  name: 'web-1',
  node: 'node-1',
  containerId: 'c',
  netns: '/run/netns/web-1',
  addresses: ['10.244.1.2'],
}

describe('podNamespace', () => {
  it('reads a CNI result', () => {
    const { namespace, veth } = podNamespace(pod, {
      interfaces: [
        { name: 'cni0', mac: '02:00:00:00:00:01' },
        { name: 'veth1a2b', mac: '02:00:00:00:00:02' },
        { name: 'eth0', mac: '02:00:00:00:00:03', sandbox: '/run/netns/web-1' },
      ],
      ips: [{ address: '10.244.1.2/24', gateway: '10.244.1.1', interface: 2 }],
      routes: [{ dst: '0.0.0.0/0', gw: '10.244.1.1' }],
    })
    assert.deepEqual(veth, {
      a: { namespace: 'web-1', link: 'eth0' },
      b: { namespace: 'node-1', link: 'veth1a2b' },
    })
    const kinds = namespace.entries.map(({ entry }) => entry.kind)
    assert.deepEqual(kinds, ['link', 'address', 'route'])
    assert.ok(namespace.entries.every(({ because }) => because[0] === 'Pod default/web-1'))
  })

  it('makes do with a result that says little', () => {
    const { namespace, veth } = podNamespace(pod, { ips: 'none', routes: [{}] })
    assert.equal(veth, undefined)
    assert.equal(namespace.entries.length, 1)
  })
})
