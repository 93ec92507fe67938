import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { systemClock } from '../base/index.ts'
import type { Kind } from '../model/index.ts'
import { parseNetConf } from '../overlay/index.ts'
import { MemoryStore, type Store, storeError } from '../store/index.ts'
import { AgentBench } from './testing/agent-bench.ts'

let bench: AgentBench
afterEach(() => bench.stop())

const text = '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}'
const networkConfig = parseNetConf(text, { name: 'default', masquerade: false })

/** A cluster without our kinds: whoever asks for them is refused. */
function plainCluster(store: MemoryStore): Store {
  return new Proxy<Store>(store, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      return (kind: Kind, ...rest: unknown[]) => {
        if (kind === 'Node') return Reflect.apply(method, target, [kind, ...rest])
        throw storeError('ask', `${kind} is forbidden`, { code: 'store.unavailable' })
      }
    },
  })
}

test('with the network of a file, a cluster needs none of our kinds', async () => {
  const store = new MemoryStore({ clock: systemClock, random: Math.random })
  bench = await AgentBench.start({ store, through: plainCluster(store), networkConfig })
  await bench.addNode('node-1', '192.168.77.1', '10.244.1.0/24')
  await bench.addPeer('node-2', '192.168.77.2', '10.244.2.0/24', '02:00:00:00:00:02')
  await bench.quiet()
  assert.equal(bench.agent.notReady(), undefined)
  assert.ok(bench.agent.entries.get('route 10.244.2.0/24 table 254 metric 0'))
  assert.equal((await bench.add('a')).error, undefined)
})

test('the Node is told that its network is there, once, and keeps its other conditions', async () => {
  bench = await AgentBench.start({ networkConfig, config: { setNetworkAvailable: true } })
  await bench.addNode('node-1', '192.168.77.1', '10.244.1.0/24')
  const others = [
    { type: 'NetworkUnavailable', status: 'True', reason: 'NoRouteCreated' },
    { type: 'Ready', status: 'True' },
  ] as const
  await bench.store.patchStatus('Node', 'node-1', { status: { conditions: others } })
  await bench.quiet()
  const { conditions = [] } = (await bench.store.get('Node', 'node-1')).status
  const told = conditions.map(({ type, status, reason }) => [type, status, reason])
  assert.deepEqual(told.toSorted(), [
    ['NetworkUnavailable', 'False', 'PodlaceIsUp'],
    ['Ready', 'True', undefined],
  ])
  const { resourceVersion } = (await bench.store.get('Node', 'node-1')).metadata
  await bench.restart()
  await bench.quiet()
  assert.equal((await bench.store.get('Node', 'node-1')).metadata.resourceVersion, resourceVersion)
})

test('annotations under a prefix of its own, and the address that the configuration says', async () => {
  const config = { annotationPrefix: 'example.com/net', publicAddress: '203.0.113.1' }
  bench = await AgentBench.start({ networkConfig, config })
  await bench.addNode('node-1', '192.168.77.1', '10.244.1.0/24')
  await bench.addNode('node-2', '192.168.77.2', '10.244.2.0/24', {
    'example.com/net-backend-type': 'vxlan',
    'example.com/net-backend-data': '{"VNI":1,"VtepMAC":"02:00:00:00:00:02"}',
    'example.com/net-public-ip': '192.168.77.2',
    'flannel.alpha.coreos.com/public-ip': '192.0.2.9',
  })
  await bench.quiet()
  const { annotations = {} } = (await bench.store.get('Node', 'node-1')).metadata
  assert.equal(annotations['example.com/net-public-ip'], '203.0.113.1')
  assert.deepEqual(
    Object.keys(annotations).filter(name => !name.startsWith('example.com/net-')),
    [],
  )
  assert.ok(bench.agent.entries.get('fdb 02:00:00:00:00:02 dev flannel.1 dst 192.168.77.2'))
})
