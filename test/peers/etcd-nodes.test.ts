import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { eventually, ip } from '../netns/agent-nodes.ts'
import { ping } from '../netns/ping.ts'
import { type AgentNode, FlannelByHand, Underlay, writeConfig } from './etcd-nodes.ts'

describe("nodes that meet in flannel's etcd", () => {
  const underlay = new Underlay()
  let one: AgentNode
  let two: AgentNode
  let flannel: FlannelByHand

  before(async () => {
    await underlay.startEtcd()
    writeConfig(underlay)
    flannel = new FlannelByHand(underlay, 3)
    flannel.announce()
    one = await underlay.agent(1, '--uplink', 'eth0')
    two = await underlay.agent(2, '--uplink-address', '192.168.77.2')
  })
  after(() => underlay.close())

  it('reach the pods of each other', async () => {
    const [a, b] = [one.addPod('a'), two.addPod('b')]
    assert.match(a.address, /^10\.5\./, a.error)
    assert.match(b.address, /^10\.5\./, b.error)
    await eventually('an answer', async () => (await ping(a.netns, b.address)) === 'ok' || undefined)
    assert.equal(await ping(b.netns, a.address), 'ok')
  })

  it('reach a node of flannel, and are reached by it', async () => {
    flannel.learn()
    for (const node of [one, two]) {
      const pod = node.addPod('c')
      await eventually('an answer', async () => (await ping(pod.netns, flannel.pod)) === 'ok' || undefined)
      assert.equal(await ping(flannel.netns, pod.address), 'ok')
    }
  })

  it('tell in their status what they hold', async () => {
    const { ready, lease, podCidrs } = JSON.parse(await one.ask('/status'))
    assert.equal(ready, true)
    assert.equal(podCidrs.length, 1)
    assert.match(JSON.stringify(lease), /valid for (69|68),?\d{3} s/)
  })

  it('forget the node that left', async () => {
    flannel.leave()
    for (const { netns } of [one, two]) {
      await eventually('no route', () => !ip(netns, 'route').includes('10.5.250.0/24') || undefined)
    }
  })
})
