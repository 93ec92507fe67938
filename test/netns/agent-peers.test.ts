import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually, ip, TestCluster, type TestNode } from './agent-nodes.ts'

const PEERS = 1_000
/** A node's agent announces itself when so many others have come after its kubelet. */
const LAG = 20

let cluster: TestCluster | undefined

afterEach(async () => {
  await cluster?.close()
  cluster = undefined
})

interface Peer {
  readonly name: string
  readonly address: string
  readonly podCIDR: string
  /** As its agent announces itself. */
  readonly annotations: Readonly<Record<string, string>>
}

/** Peers have no machine, only an object. */
function peer(n: number): Peer {
  const [high, low] = [16 + (n >> 8), n & 255]
  const address = `192.168.77.${3 + (n % 250)}`
  const mac = `02:00:00:00:${high.toString(16).padStart(2, '0')}:${low.toString(16).padStart(2, '0')}`
  const annotations = {
    'flannel.alpha.coreos.com/backend-type': 'vxlan',
    'flannel.alpha.coreos.com/backend-data': JSON.stringify({ VNI: 1, VtepMAC: mac }),
    'flannel.alpha.coreos.com/public-ip': address,
    'flannel.alpha.coreos.com/kube-subnet-manager': 'true',
  }
  return { name: `peer-${n}`, address, podCIDR: `10.${20 + (n >> 8)}.${low}.0/24`, annotations }
}

async function addPeer({ store }: TestCluster, { name, address, podCIDR, annotations }: Peer): Promise<void> {
  await store.create('Node', {
    metadata: { name, annotations },
    spec: { podCIDR },
    status: { addresses: [{ type: 'InternalIP', address }] },
  })
}

async function announce({ store }: TestCluster, { name, annotations }: Peer): Promise<void> {
  await store.patch('Node', name, { metadata: { annotations } })
}

/** Routes to peers. */
function routesOf({ netns }: TestNode): string[] {
  return ip(netns, 'route show dev flannel.1')
    .split('\n')
    .filter(line => line.includes(' via '))
}

test('an agent started over 1,000 programmed peers writes nothing, and brings back what is deleted by hand', async () => {
  cluster = await TestCluster.start({ type: 'vxlan' }, '10.0.0.0/8')
  const node = cluster.node(1)
  for (let n = 0; n < PEERS; n += 1) await addPeer(cluster, peer(n))
  const first = node.agent
  await eventually('all peers programmed', () => routesOf(node).length === PEERS + 1 || undefined)
  await first?.reconciler.settled()
  await node.stopAgent()

  const agent = await node.startAgent()
  await eventually('the new agent to be ready', () => agent.notReady() === undefined || undefined)
  await eventually('the new agent to know all peers', () => agent.nodes.size === PEERS + 2 || undefined)
  await agent.reconciler.settled()
  const { operations, repairs, refused } = agent.reconciler.counters
  assert.deepEqual({ operations, repairs, refused }, { operations: 0, repairs: 0, refused: 0 })
  assert.equal(routesOf(node).length, PEERS + 1)

  const there = () => ip(node.netns, 'route show 10.20.7.0/24')
  assert.match(there(), /via 10\.20\.7\.0 dev flannel\.1/)
  ip(node.netns, 'route delete 10.20.7.0/24')
  await eventually('the route to be back', () => there().includes('flannel.1') || undefined)
  await agent.reconciler.settled()
  assert.equal(agent.reconciler.counters.operations, 1)
  assert.equal(agent.reconciler.counters.repairs, 1)
})

/** What the agent, its store and the kernel's answers may take for a thousand nodes, bytes; measured it is a third. */
const MEMORY = 120e6

test('1,000 nodes that join within ten seconds are all there, each by three writes, in bounded memory', async () => {
  cluster = await TestCluster.start({ type: 'vxlan' }, '10.0.0.0/8', { nodeCount: 1 })
  const node = cluster.node(1)
  const { agent } = node
  assert.ok(agent)
  await agent.reconciler.settled()
  const before = agent.reconciler.counters.operations
  const startedWith = process.memoryUsage().rss
  let most = startedWith
  for (let n = 0; n < PEERS; n += 1) {
    // Its kubelet comes first, its agent a little later.
    await addPeer(cluster, { ...peer(n), annotations: {} })
    if (n >= LAG) await announce(cluster, peer(n - LAG))
    if (n % 10 !== 9) continue
    most = Math.max(most, process.memoryUsage().rss)
    await sleep(80)
  }
  for (let n = PEERS - LAG; n < PEERS; n += 1) await announce(cluster, peer(n))
  await eventually('all peers programmed', () => routesOf(node).length === PEERS || undefined)
  await agent.reconciler.settled()
  const expected = Array.from({ length: PEERS }, (_, n) => peer(n).podCIDR)
  assert.deepEqual(new Set(routesOf(node).map(line => line.split(' ')[0])), new Set(expected))
  assert.equal(agent.reconciler.counters.operations - before, 3 * PEERS)
  assert.equal(agent.reconciler.counters.refused, 0)
  most = Math.max(most, process.memoryUsage().rss)
  assert.ok(most - startedWith < MEMORY, `${(most - startedWith) / 1e6} MB more than before`)
})
