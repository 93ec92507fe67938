import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { eventually } from './agent-nodes.ts'
import { run } from './kernel-harness.ts'
import { LoneAgent } from './lone-agent.ts'

/** By an agent that has CAP_NET_ADMIN and no root. */
let node: LoneAgent

beforeEach(async () => {
  node = new LoneAgent()
  await node.start()
})
afterEach(() => node.close())

const config = {
  name: 'lan',
  type: 'bridge',
  bridge: 'br-test',
  isGateway: true,
  ipMasq: true,
  ipMasqBackend: 'iptables',
  ipam: { type: 'static', addresses: [{ address: '10.9.0.2/24' }, { address: 'fd00:9::2/64' }] },
}

/** The rules that masquerade, of both families; what the pod network has in `filter` is always there. */
function rules(): string[] {
  const saved = ['iptables-save', 'ip6tables-save'].map(program => run(node.netns, [program, '-t', 'nat']))
  return saved
    .flatMap(text => text.split('\n'))
    .filter(line => line.startsWith('-A') && line.includes('PODLACE-'))
}

test('ADD, CHECK and DEL of chains of both families; no table of nftables takes part', () => {
  const { exitCode, output } = node.call('ADD', 'a', config)
  assert.equal(exitCode, 0, JSON.stringify(output))
  assert.equal(rules().length, 6)
  assert.match(
    rules().join('\n'),
    /-A POSTROUTING -s 10\.9\.0\.2\/32 .*"podlace:container a eth0 #[0-9a-f]{8}"/,
  )
  assert.doesNotMatch(run(node.netns, ['nft', 'list', 'tables']), /podlace-net/)
  assert.equal(node.call('CHECK', 'a', config).exitCode, 0)
  assert.equal(node.call('DEL', 'a', config).exitCode, 0)
  assert.deepEqual(rules(), [])
})

test('CHECK finds the chains again after a restart, and after a flush when they are repaired', async () => {
  node.call('ADD', 'a', config)
  const before = rules()
  await node.kill()
  run(node.netns, ['iptables', '-t', 'nat', '-F'])
  await node.start()
  assert.deepEqual(rules(), before)
  run(node.netns, ['ip6tables', '-t', 'nat', '-F'])
  await eventually('the rules', () => rules().length === before.length || undefined)
  // The agent knows it when the program that it runs for that has ended.
  await eventually('CHECK to find them', () => node.call('CHECK', 'a', config).exitCode === 0 || undefined)
})

test('DEL works from the journal: without the namespace, and while the agent is away', async () => {
  node.call('ADD', 'a', config)
  assert.equal(node.call('DEL', 'a', config, '/no/such/namespace').exitCode, 0)
  assert.deepEqual(rules(), [])
  node.call('ADD', 'a', config)
  await node.kill()
  assert.equal(node.call('DEL', 'a', config, '/no/such/namespace').exitCode, 0)
  assert.equal(rules().length, 6)
  await node.start()
  // Deletions wait for the store, and then for a program.
  await eventually('nothing left', () => rules().length === 0 || undefined)
})

test('what an ADD had made when the agent was killed goes with the next start', async () => {
  await node.kill()
  await node.start('host wired')
  node.call('ADD', 'a', config)
  await node.died()
  assert.equal(rules().length, 6)
  await node.start()
  // Deletions wait for the store, and then for a program.
  await eventually('nothing left', () => rules().length === 0 || undefined)
})
