import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { NetlinkKernel } from '../../src/kernel/index.ts'
import { suiteSecrets } from '../../src/kernel/kernel-suite/wireguard.ts'
import type { BackendConfig } from '../../src/model/index.ts'
import { netlinkIn } from '../../src/sys/index.ts'
import { eventually, ip, TestCluster, type TestNode } from './agent-nodes.ts'
import { reaches } from './ping.ts'

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

/** What a network of any backend does: three nodes with an agent each in this process, and pods that talk. */
export function backendSuite(suite: BackendSuite): void {
  test(`${suite.backend.type}, from end to end`, { timeout: 500_000 }, context => wholeLife(context, suite))
}

async function wholeLife(context: TestContext, suite: BackendSuite): Promise<void> {
  const { backend, dualStack, overhead, damage, byHand = false, probed } = suite
  const cluster = await TestCluster.start(backend, undefined, { nodeCount: 3, dualStack })
  context.after(() => cluster.close())
  for (const node of cluster.nodes) await attachPod(node)
  const routes = (verb: string, from: TestNode, to: TestNode) => {
    if (byHand) routeByHand(verb, from, to)
  }
  for (const [from, to] of pairs(cluster.nodes)) routes('add', from, to)
  const [one, two] = [cluster.node(1), cluster.node(2)]

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

  await context.test('a node that joins is reached; nothing points at one that left', async () => {
    const four = await cluster.join()
    await attachPod(four)
    for (const node of [one, two, cluster.node(3)]) {
      routes('add', node, four)
      routes('add', four, node)
    }
    await allReach(cluster.nodes)
    for (const node of [one, two]) assert.notDeepEqual(await pointsAt(node, four), [])
    await cluster.remove(four)
    for (const node of cluster.nodes) {
      routes('delete', node, four)
      await eventually(`${node.name} to forget`, async () => (await pointsAt(node, four)).length === 0)
    }
    await allReach(cluster.nodes)
  })
}

async function attachPod(node: TestNode): Promise<void> {
  await eventually(`${node.name} ready`, () => node.agent?.notReady() === undefined || undefined)
  const { error } = await node.call('ADD', node.name)
  assert.equal(error, undefined)
}

function pairs(nodes: readonly TestNode[]): readonly (readonly [TestNode, TestNode])[] {
  return nodes.flatMap(from => nodes.filter(to => to !== from).map(to => [from, to] as const))
}

async function allReach(nodes: readonly TestNode[], packetBytes?: number): Promise<void> {
  for (const [from, to] of pairs(nodes)) await reaches(from.pod(from.name), to.firstPodAddresses, packetBytes)
}

function routeByHand(verb: string, { netns }: TestNode, peer: TestNode): void {
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
