import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { NetlinkKernel } from '../../src/kernel/index.ts'
import { suiteSecrets } from '../../src/kernel/kernel-suite/wireguard.ts'
import type { BackendConfig } from '../../src/model/index.ts'
import { netlinkIn } from '../../src/sys/index.ts'
import { eventually, ip, TestCluster, type TestNode } from './agent-nodes.ts'
import { allReach, attachFirstPod, pairs } from './first-pods.ts'

export interface BackendSuite {
  readonly backend: BackendConfig
  /** Nodes and pods have addresses of both families. */
  readonly dualStack: boolean
  /** By how many bytes the pods' MTU is less than that of the uplink, 1500. */
  readonly overhead: number
  /** What another program does to a node so that its pods do not reach others. */
  readonly damage?: (node: TestNode) => void
  /** Where the backend leaves it to somebody else to carry packets: `ip route` does, of each node to each peer. */
  readonly byHand?: boolean
  /** Agents ask each other whether they are reached; not where they do not know the way. */
  readonly probed: boolean
}

type Routes = (verb: 'add' | 'delete', node: TestNode, peer: TestNode) => void

/** What a network of any backend does: three nodes with an agent each in this process, and pods that talk. */
export function backendSuite(suite: BackendSuite): void {
  test(`${suite.backend.type}, from end to end`, { timeout: 500_000 }, context => wholeLife(context, suite))
}

async function wholeLife(context: TestContext, suite: BackendSuite): Promise<void> {
  const { backend, dualStack, overhead, damage, byHand = false, probed } = suite
  const cluster = await TestCluster.start(backend, undefined, { nodeCount: 3, dualStack })
  context.after(() => cluster.close())
  for (const node of cluster.nodes) await attachFirstPod(node)
  const routes: Routes = byHand ? routeByHand : () => {}
  for (const [from, to] of pairs(cluster.nodes)) routes('add', from, to)
  const one = cluster.node(1)

  await context.test('every pod reaches every pod, in all families', () => allReach(cluster.nodes))

  await context.test("packets of the pods' MTU pass whole", async () => {
    const mtu = 1500 - overhead
    assert.match(ip(one.pod(one.name), 'link show eth0'), new RegExp(` mtu ${mtu} `))
    await allReach(cluster.nodes, mtu)
  })

  if (probed) {
    await context.test('each node knows that its peers are up, and how long an answer takes', async () => {
      for (const node of cluster.nodes)
        await eventually(`${node.name} to know its peers`, () => peersUp(node, 2 * (dualStack ? 2 : 1)))
    })
  }

  await context.test('while an agent is away packets pass; the next one writes nothing', async () => {
    await one.agent?.reconciler.settled()
    await one.stopAgent()
    await allReach(cluster.nodes)
    const agent = await one.startAgent()
    await eventually('ready', () => agent.notReady() === undefined || undefined)
    await agent.reconciler.settled()
    assert.deepEqual(agent.reconciler.history(), [])
  })

  if (damage !== undefined) {
    await context.test('what another program breaks is put right', async () => {
      damage(one)
      await allReach(cluster.nodes)
      await one.agent?.reconciler.settled()
      assert.deepEqual(one.agent?.reconciler.findings, [])
    })
  }

  await context.test('a node that joins is reached; nothing points at one that left', () =>
    joinsAndLeaves(cluster, routes),
  )
}

async function joinsAndLeaves(cluster: TestCluster, routes: Routes): Promise<void> {
  const before = [...cluster.nodes]
  const four = await cluster.join()
  await attachFirstPod(four)
  for (const node of before) {
    routes('add', node, four)
    routes('add', four, node)
  }
  await allReach(cluster.nodes)
  for (const node of before) assert.notDeepEqual(await pointsAt(node, four), [])
  await cluster.remove(four)
  for (const node of before) {
    routes('delete', node, four)
    await eventually(`${node.name} to forget`, async () => (await pointsAt(node, four)).length === 0)
  }
  await allReach(before)
}

function routeByHand(verb: 'add' | 'delete', { netns }: TestNode, peer: TestNode): void {
  ip(netns, `route ${verb} ${peer.podCidr} via ${peer.address}`)
  if (peer.podCidr6 !== undefined) ip(netns, `route ${verb} ${peer.podCidr6} via ${peer.address6}`)
}

function peersUp({ agent }: TestNode, count: number): boolean {
  const ways = [...(agent?.peers?.ways() ?? [])]
  const sound = ways.filter(({ report }) => report.state === 'up' && (report.rttMs ?? 0) > 0)
  return sound.length === count
}

/** Whatever leads to the peer: in the node's kernel, and in its tunnel process. */
async function pointsAt(node: TestNode, peer: TestNode): Promise<string[]> {
  const { netns, agent } = node
  await agent?.reconciler.settled()
  const kernel = new NetlinkKernel({
    netns,
    wireguard: { openGeneric: () => netlinkIn(netns, 'generic'), secrets: suiteSecrets },
  })
  const words = [peer.address, ...peer.firstPodAddresses.map(address => address.slice(0, -1))]
  try {
    const observed = await kernel.observe()
    // Peers of WireGuard have no place for a mark; their device has.
    const ours = observed.filter(({ mark, entry }) => mark === 'ours' || entry.kind === 'wireguard-peer')
    const lines = ours.map(({ entry }) => JSON.stringify(entry))
    const peers = ((await node.tunnel())?.peers ?? []).map(({ address }) => address)
    // Programs of others leave no mark.
    const routes = ip(netns, 'route show').split('\n')
    return [...lines, ...peers, ...routes].filter(line => words.some(word => line.includes(word)))
  } finally {
    kernel.close()
  }
}
