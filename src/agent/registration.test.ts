import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, settle } from '../base/index.ts'
import { MemoryStore } from '../store/index.ts'
import { Link } from './network/testing/link.ts'
import { AgentBench } from './testing/agent-bench.ts'

test('annotations that were undone before their watch told of them are written again', async t => {
  const clock = new ManualClock()
  const store = new MemoryStore({ clock, random: Math.random })
  const link = new Link(store)
  const bench = await AgentBench.start({ store, through: link.asStore(), clock })
  const pass = async (ms: number) => {
    for (let n = 0; n < 20; n += 1) await settle()
    await clock.advance(ms)
    for (let n = 0; n < 20; n += 1) await settle()
  }
  const node = () => store.get('Node', 'node-1')
  await bench.addNode('node-1', '192.168.77.1', '10.244.1.0/24')
  await pass(1_000)
  link.deafen('Node')
  await bench.addNetwork({ spec: { network: '10.244.0.0/16', backend: { type: 'vxlan' } } })
  await pass(1_000)
  const { annotations: told = {} } = (await node()).metadata
  assert.equal(told['flannel.alpha.coreos.com/backend-type'], 'vxlan')

  // As after a restore from a backup: the Node is again what the agent saw last.
  const undone = Object.fromEntries(Object.keys(told).map(key => [key, null]))
  await store.patch('Node', 'node-1', { metadata: { annotations: undone } })
  await pass(11_000)
  assert.deepEqual((await node()).metadata.annotations, told)

  link.heal()
  await pass(5_000)
  const patch = t.mock.method(store, 'patch')
  await pass(60_000)
  assert.equal(patch.mock.callCount(), 0, 'what is seen is not written any more')
  await bench.stop()
})
