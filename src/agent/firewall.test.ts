import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { AgentBench, type AgentBenchOptions } from './testing/agent-bench.ts'

let bench: AgentBench

afterEach(() => bench.stop())

async function start(options: AgentBenchOptions = {}): Promise<void> {
  bench = await AgentBench.start({ standsAlone: true, ...options })
  await bench.quiet()
}

const network = (n: number, config: object = {}) => ({
  name: 'lan',
  type: 'firewall',
  prevResult: {
    interfaces: [{ name: 'br0' }, { name: 'eth0', sandbox: '/run/netns/x' }],
    ips: [
      { interface: 1, address: `10.9.0.${n}/24` },
      { interface: 1, address: `fd00:9::${n}/64` },
    ],
    routes: [],
    dns: {},
  },
  ...config,
})
const call = (command: string, n: number, config: object = {}) =>
  bench.call(command, `pod-${n}`, network(n, config))
const state = (kind: string) => bench.hostState().filter(line => line.startsWith(kind))
const CHAINS = ['iptables-chain v4 filter PODLACE-FORWARD', 'iptables-chain v6 filter PODLACE-FORWARD']
const chains = () => state('iptables-chain').map(line => line.split(' ').slice(0, 4).join(' '))
const pods = () => state('nft-element').length

test('one chain a family for all pods, and an element an address', async () => {
  await start()
  let operations = 0
  bench.beforeOperation(({ entry }) => {
    if (entry.kind === 'iptables-chain') operations += 1
  })
  for (const n of [2, 3, 4]) assert.equal((await call('ADD', n)).error, undefined)
  assert.deepEqual(chains(), CHAINS)
  assert.equal(operations, CHAINS.length)
  assert.equal(pods(), 6)
  assert.deepEqual(await call('CHECK', 3), {})
  await call('DEL', 3)
  assert.equal(pods(), 4)
  assert.equal(operations, CHAINS.length)
})

test('the chain outlives the last pod, and goes with GC', async () => {
  await start()
  const before = bench.hostState()
  await call('ADD', 2)
  await call('DEL', 2)
  assert.deepEqual(chains(), CHAINS)
  await bench.call('GC', 'pod-2', { ...network(2), 'cni.dev/valid-attachments': [] })
  assert.deepEqual(bench.hostState(), before)
})

test('without iptables there is nothing to be let through: backend iptables says so', async () => {
  await start({ iptablesFault: 'iptables-restore is not there' })
  const before = bench.hostState()
  const { error } = await call('ADD', 2, { backend: 'iptables' })
  assert.equal(error?.code, 2)
  assert.match(error?.msg ?? '', /iptables-restore is not there.*backend of portmap and firewall/)
  assert.equal((await call('ADD', 2)).error, undefined)
  assert.deepEqual(bench.hostState(), before)
})

test('backend nftables and firewalld leave iptables alone', async () => {
  await start()
  const before = bench.hostState()
  for (const [n, backend] of ['nftables', 'firewalld'].entries()) {
    assert.equal((await call('ADD', n + 2, { backend })).error, undefined)
  }
  assert.deepEqual(bench.hostState(), before)
})

test('a lost journal leaves pods the way out', async () => {
  await start()
  await call('ADD', 2)
  bench.loseJournal()
  await bench.restart()
  await bench.quiet()
  assert.deepEqual(chains(), CHAINS)
  assert.equal(pods(), 2)
})
