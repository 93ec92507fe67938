import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { ip } from '../netns/agent-nodes.ts'
import { LoneAgent } from '../netns/lone-agent.ts'

let node: LoneAgent

beforeEach(async () => {
  node = new LoneAgent()
  await node.start()
})
afterEach(() => node.close())

test('an agent with one capability attaches pods to the overlay and to a bridge, and leaves nothing of them', async () => {
  const bridge = {
    name: 'lan',
    type: 'bridge',
    bridge: 'br-test',
    isDefaultGateway: true,
    ipMasq: true,
    ipam: { type: 'host-local', subnet: '10.9.0.0/29', dataDir: node.stateDir },
  }
  for (const [id, config, address] of [
    ['a', {}, '10.244.1.2/24'],
    ['b', bridge, '10.9.0.2/29'],
  ] as const) {
    const { output, exitCode } = node.call('ADD', id, config)
    assert.equal(exitCode, 0, output.msg)
    assert.equal(output.ips?.[0]?.address, address)
    assert.match(ip(node.pod(id), 'address show eth0'), new RegExp(` ${address} `))
    assert.equal(node.call('CHECK', id, config).exitCode, 0)
  }
  const ofPods = /veth|br-test|podlace-net-lan/
  assert.match((await node.hostState()).join('\n'), ofPods)
  assert.equal(node.call('DEL', 'a').exitCode, 0)
  assert.equal(node.call('DEL', 'b', bridge).exitCode, 0)
  node.call('GC', 'x', { ...bridge, 'cni.dev/valid-attachments': [] })
  assert.doesNotMatch((await node.hostState()).join('\n'), ofPods)
})
