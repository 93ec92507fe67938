/** Nodes whose FORWARD of iptables drops what it does not know, as Docker leaves it. */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { eventually, TestCluster } from './agent-nodes.ts'
import { run } from './kernel-harness.ts'
import { ping } from './ping.ts'

let cluster: TestCluster | undefined

afterEach(async () => {
  await cluster?.close()
  cluster = undefined
})

test('pods reach each other past a policy and a rule that drop, as long as that is wanted', async () => {
  cluster = await TestCluster.start({ type: 'vxlan' })
  const [one, two] = [cluster.node(1), cluster.node(2)]
  for (const { netns } of [one, two]) {
    run(netns, ['iptables', '-P', 'FORWARD', 'DROP'])
    run(netns, ['iptables', '-A', 'FORWARD', '-j', 'DROP'])
  }
  for (const node of [one, two]) {
    await eventually(`${node.name} ready`, () => node.agent?.notReady() === undefined || undefined)
    assert.equal((await node.call('ADD', node.name)).error, undefined)
  }
  const reached = async () => (await ping(one.pod(one.name), '10.244.2.2')) === 'ok'
  await eventually('a way through', async () => (await reached()) || undefined)
  await cluster.store.patch('NetworkConfig', 'default', { spec: { forwardRules: false } })
  await eventually('nothing to pass', async () => !(await reached()) || undefined)
  assert.doesNotMatch(run(one.netns, ['iptables-save', '-t', 'filter']), /PODLACE/)
})
