import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { entryKey, NetlinkKernel } from '../../src/kernel/index.ts'
import type { Netns } from '../../src/sys/index.ts'
import { eventually, ip, TestCluster } from './agent-nodes.ts'
import { ping } from './ping.ts'

let cluster: TestCluster | undefined

afterEach(async () => {
  await cluster?.close()
  cluster = undefined
})

async function start(type: 'vxlan' | 'host-gw'): Promise<TestCluster> {
  cluster = await TestCluster.start({ type })
  for (const node of cluster.nodes)
    await eventually(`${node.name} ready`, () => node.agent?.notReady() === undefined || undefined)
  return cluster
}

function addressOf(reply: { result?: { ips: readonly { address: string }[] } }): string {
  return reply.result?.ips[0]?.address.split('/')[0] ?? assert.fail(JSON.stringify(reply))
}

for (const backend of ['vxlan', 'host-gw'] as const) {
  test(`${backend}: pods of two nodes reach each other, and DEL leaves the node as it was`, async () => {
    const { nodes } = await start(backend)
    const [one, two] = nodes
    assert.ok(one !== undefined && two !== undefined)
    const a = addressOf(await one.call('ADD', 'a'))
    const b = addressOf(await two.call('ADD', 'b'))
    assert.deepEqual([a, b], ['10.244.1.2', '10.244.2.2'])
    await eventually('a reaches b', async () => (await ping(one.pod('a'), b)) === 'ok' || undefined)
    assert.equal(await ping(two.pod('b'), a), 'ok')
    assert.deepEqual(await one.call('CHECK', 'a'), {})
    assert.deepEqual(await one.call('DEL', 'a'), {})
    const left = await observedKeys(one.netns)
    assert.deepEqual(
      left.filter(key => key.includes('veth')),
      [],
    )
    assert.match((await one.call('CHECK', 'a')).error?.msg ?? '', /no attachment/)
  })
}

test('a CHECK right behind the answer of an ADD finds all that was made', async () => {
  const { nodes } = await start('host-gw')
  const [one] = nodes
  assert.ok(one !== undefined)
  for (const pod of ['a', 'b', 'c']) {
    addressOf(await one.call('ADD', pod))
    assert.deepEqual(await one.call('CHECK', pod), {})
  }
})

test('a chained plugin right behind the ADD of its interface finds the host’s end', async () => {
  const { nodes } = await start('host-gw')
  const [one] = nodes
  assert.ok(one !== undefined)
  const limit = { type: 'bandwidth', ingressRate: 8_000_000, ingressBurst: 8_000_000 }
  for (const pod of ['a', 'b', 'c']) {
    const { result } = await one.call('ADD', pod)
    const limited = await one.call('ADD', pod, { ...limit, prevResult: result })
    assert.equal(limited.error, undefined, limited.error?.msg)
  }
})

test('an agent stopped and started over live pods writes nothing and keeps their addresses', async () => {
  const { nodes } = await start('vxlan')
  const [one] = nodes
  assert.ok(one !== undefined)
  await one.call('ADD', 'a')
  await one.agent?.reconciler.settled()
  const before = await observedKeys(one.netns)
  await one.stopAgent()
  const agent = await one.startAgent()
  await eventually('ready', () => agent.notReady() === undefined || undefined)
  await agent.reconciler.settled()
  assert.deepEqual(agent.reconciler.history(), [])
  assert.deepEqual(await observedKeys(one.netns), before)
  assert.equal(addressOf(await one.call('ADD', 'c')), '10.244.1.3')
})

test('what another program deletes on the node is back, and foreign entries stay', async () => {
  const { nodes } = await start('vxlan')
  const [one] = nodes
  assert.ok(one?.agent !== undefined)
  const route = 'route 10.244.2.0/24 table 254 metric 0'
  await eventually(
    'route to node-2',
    async () => (await observedKeys(one.netns)).includes(route) || undefined,
  )
  ip(one.netns, 'route add 198.51.100.0/24 via 192.168.77.2 metric 7')
  ip(one.netns, 'route del 10.244.2.0/24')
  const { counters } = one.agent.reconciler
  await eventually('the repair', () => counters.repairs > 0 || undefined)
  const keys = await observedKeys(one.netns)
  assert.ok(keys.includes(route))
  assert.ok(keys.includes('route 198.51.100.0/24 table 254 metric 7'))
})

async function observedKeys(netns: Netns): Promise<string[]> {
  const kernel = new NetlinkKernel({ netns })
  try {
    const keys = (await kernel.observe()).map(({ entry }) => entryKey(entry))
    // The kernel gives itself link-local addresses, and routes for them, when duplicate detection has ended.
    return keys.filter(key => !key.includes('fe80:')).sort()
  } finally {
    kernel.close()
  }
}
