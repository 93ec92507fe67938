/** The backend udp: two nodes, an agent and a tunnel process each, pods that reach each other. */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { agentMetrics } from '../../src/agent/metrics.ts'
import type { TunnelStatus } from '../../src/tunnel/index.ts'
import { eventually, ip, TestCluster, type TestNode } from './agent-nodes.ts'
import { ping } from './ping.ts'

let cluster: TestCluster | undefined

afterEach(async () => {
  await cluster?.close()
  cluster = undefined
})

async function start(): Promise<readonly [TestNode, TestNode]> {
  cluster = await TestCluster.start({ type: 'udp' })
  for (const node of cluster.nodes) {
    await eventually(`${node.name} ready`, () => node.agent?.notReady() === undefined || undefined)
    await node.call('ADD', node.name)
  }
  const pair = [cluster.node(1), cluster.node(2)] as const
  await pings(...pair)
  return pair
}

async function pings(from: TestNode, to: TestNode): Promise<void> {
  const address = to.podCidr.replace('0/24', '2')
  const pod = from.pod(from.name)
  await eventually(`${from.name} to ${to.name}`, async () => (await ping(pod, address)) === 'ok' || undefined)
}

async function changed(node: TestNode, before: TunnelStatus | undefined): Promise<TunnelStatus> {
  return eventually('another process', async () => {
    const status = await node.tunnel()
    return status !== undefined && status.pid !== before?.pid ? status : undefined
  })
}

test('pods of two nodes reach each other both ways through the processes', async () => {
  const [one, two] = await start()
  await pings(two, one)
  const [peer] = (await one.tunnel())?.peers ?? []
  assert.deepEqual([peer?.address, peer?.port], ['192.168.77.2', 8285])
  assert.ok((peer?.receivedPackets ?? 0n) > 0n)
  assert.ok(one.agent !== undefined)
  const dropped = /^podlace_agent_tunnel_dropped_packets_total\{reason="spoofed-source"\} 0$/m
  assert.match(await agentMetrics(one.agent).metrics(), dropped)
  assert.match(ip(one.netns, 'route show 10.244.0.0/16'), /dev flannel0 proto 113/)
})

test('the agents find each other sound, through the processes', async () => {
  const [one] = await start()
  const way = await eventually('packets of full size to pass', () =>
    [...(one.agent?.peers?.ways() ?? [])].find(({ report }) => report.fullSize === 'passes'),
  )
  assert.deepEqual([way.report.state, way.end.device, way.end.podMtu], ['up', 'flannel0', 1472])
})

test('packets go on while the agent is away, and the next one writes nothing', async () => {
  const [one, two] = await start()
  await one.agent?.reconciler.settled()
  const before = await one.tunnel()
  await one.stopAgent()
  assert.equal(await ping(one.pod(one.name), '10.244.2.2'), 'ok')
  const agent = await one.startAgent()
  await eventually('ready', () => agent.notReady() === undefined || undefined)
  await agent.reconciler.settled()
  assert.deepEqual(agent.reconciler.history(), [])
  const after = await one.tunnel()
  assert.equal(after?.pid, before?.pid)
  assert.equal(after?.tableRevision, before?.tableRevision)
  await pings(two, one)
})

test('a process that is killed is started again', async () => {
  const [one, two] = await start()
  const before = await one.tunnel()
  assert.ok(before !== undefined)
  process.kill(before.pid, 'SIGKILL')
  await changed(one, before)
  await pings(one, two)
})

test('a device that somebody deletes is made again, and the process gets its queues', async () => {
  const [one, two] = await start()
  const before = await one.tunnel()
  ip(one.netns, 'link delete flannel0')
  await pings(one, two)
  assert.notEqual((await one.tunnel())?.configurationRevision, before?.configurationRevision)
})

test('a node that leaves is no peer any more', async () => {
  const [one] = await start()
  await cluster?.store.delete('Node', 'node-2')
  await eventually('no peers', async () => (await one.tunnel())?.peers.length === 0 || undefined)
})
