import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { eventually, ip, TestCluster } from './agent-nodes.ts'

const PEERS = 1_000

let cluster: TestCluster | undefined

afterEach(async () => {
  await cluster?.close()
  cluster = undefined
})

/** Peers as their agents would announce themselves; they have no machine, only an object. */
async function addPeers({ store }: TestCluster): Promise<void> {
  for (let n = 0; n < PEERS; n += 1) {
    const [high, low] = [16 + (n >> 8), n & 255]
    const address = `192.168.77.${3 + (n % 250)}`
    const mac = `02:00:00:00:${high.toString(16).padStart(2, '0')}:${low.toString(16).padStart(2, '0')}`
    const annotations = {
      'flannel.alpha.coreos.com/backend-type': 'vxlan',
      'flannel.alpha.coreos.com/backend-data': JSON.stringify({ VNI: 1, VtepMAC: mac }),
      'flannel.alpha.coreos.com/public-ip': address,
      'flannel.alpha.coreos.com/kube-subnet-manager': 'true',
    }
    await store.create('Node', {
      metadata: { name: `peer-${n}`, annotations },
      spec: { podCIDR: `10.${20 + (n >> 8)}.${low}.0/24` },
      status: { addresses: [{ type: 'InternalIP', address }] },
    })
  }
}

test('an agent started over 1,000 programmed peers writes nothing, and brings back what is deleted by hand', async () => {
  cluster = await TestCluster.start({ type: 'vxlan' }, '10.0.0.0/8')
  const node = cluster.node(1)
  await addPeers(cluster)
  const first = node.agent
  await eventually('all peers programmed', () => routes() === PEERS + 1 || undefined)
  await first?.reconciler.settled()
  await node.stopAgent()

  const agent = await node.startAgent()
  await eventually('the new agent to be ready', () => agent.notReady() === undefined || undefined)
  await eventually('the new agent to know all peers', () => agent.nodes.size === PEERS + 2 || undefined)
  await agent.reconciler.settled()
  const { operations, repairs, refused } = agent.reconciler.counters
  assert.deepEqual({ operations, repairs, refused }, { operations: 0, repairs: 0, refused: 0 })
  assert.equal(routes(), PEERS + 1)

  const there = () => ip(node.netns, 'route show 10.20.7.0/24')
  assert.match(there(), /via 10\.20\.7\.0 dev flannel\.1/)
  ip(node.netns, 'route delete 10.20.7.0/24')
  await eventually('the route to be back', () => there().includes('flannel.1') || undefined)
  await agent.reconciler.settled()
  assert.equal(agent.reconciler.counters.operations, 1)
  assert.equal(agent.reconciler.counters.repairs, 1)

  /** To peers, of this node. */
  function routes(): number {
    return ip(node.netns, 'route show dev flannel.1')
      .split('\n')
      .filter(line => line.includes(' via ')).length
  }
})
