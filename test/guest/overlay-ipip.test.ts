/** The backend ipip on a kernel that has the module: two nodes, an agent each, pods that reach each other. */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { eventually, ip, TestCluster, type TestNode } from '../netns/agent-nodes.ts'
import { run } from '../netns/kernel-harness.ts'
import { ping } from '../netns/ping.ts'

let cluster: TestCluster | undefined

afterEach(async () => {
  await cluster?.close()
  cluster = undefined
})

async function start(directRouting = false): Promise<readonly [TestNode, TestNode]> {
  cluster = await TestCluster.start({ type: 'ipip', directRouting })
  for (const node of cluster.nodes) {
    await eventually(`${node.name} ready`, () => node.agent?.notReady() === undefined || undefined)
    await node.call('ADD', node.name)
  }
  return [cluster.node(1), cluster.node(2)]
}

async function pings(from: TestNode, to: TestNode): Promise<void> {
  const address = to.podCidr.replace('0/24', '2')
  const pod = from.pod(from.name)
  await eventually(`${from.name} to ${to.name}`, async () => (await ping(pod, address)) === 'ok' || undefined)
}

test('pods of two nodes reach each other through the tunnel, and back after somebody deletes it', async () => {
  const [one, two] = await start()
  await pings(one, two)
  await pings(two, one)
  const link = ip(one.netns, '-d link show flannel.ipip')
  assert.match(link, /mtu 1480 .*ipip remote any local 192\.168\.77\.1 ttl inherit nopmtudisc/s)
  assert.match(
    ip(one.netns, 'route show 10.244.2.0/24'),
    /via 192\.168\.77\.2 dev flannel\.ipip proto 113 onlink/,
  )
  ip(one.netns, 'link delete flannel.ipip')
  await pings(one, two)
})

test('what comes from no peer does not come out of the tunnel', async () => {
  const [one, two] = await start()
  await pings(one, two)
  ip(two.netns, 'address add 192.168.77.99/24 dev eth0')
  ip(two.netns, 'link add stranger type ipip local 192.168.77.99 remote 192.168.77.1')
  ip(two.netns, 'link set stranger up')
  ip(two.netns, 'route add 10.244.1.2/32 dev stranger src 10.244.2.0')
  assert.notEqual(await ping(two.netns, '10.244.1.2'), 'ok')
  const guard = run(one.netns, ['nft', 'list', 'chain', 'ip', 'podlace-ipip', 'input'])
  assert.match(guard, /counter packets [1-9]\d* .*drop comment "overlay: tunnel packet from no peer/)
})

test("with direct routing, peers on the node's own subnet are gateways", async () => {
  const [one, two] = await start(true)
  await pings(one, two)
  assert.match(ip(one.netns, 'route show 10.244.2.0/24'), /via 192\.168\.77\.2 dev eth0 proto 113/)
})

test("a tunnel of flannel's is taken over; one to a fixed end is somebody else's and stays", async () => {
  const [one] = await start()
  await one.agent?.reconciler.settled()
  await one.stopAgent()
  const index = () => /^(\d+):/.exec(ip(one.netns, 'link show flannel.ipip'))?.[1]
  ip(one.netns, 'link set flannel.ipip alias ""')
  const before = index()
  const agent = await one.startAgent()
  await eventually(
    'marked again',
    () => ip(one.netns, 'link show flannel.ipip').includes('podlace:overlay') || undefined,
  )
  await agent.reconciler.settled()
  assert.equal(index(), before)
  await one.stopAgent()
  ip(one.netns, 'link delete flannel.ipip')
  ip(one.netns, 'link add flannel.ipip type ipip local 192.168.77.1 remote 192.168.77.9')
  const other = await one.startAgent()
  await eventually('a refusal', () => other.reconciler.findings.length > 0 || undefined)
  assert.match(ip(one.netns, '-d link show flannel.ipip'), /remote 192\.168\.77\.9/)
})
