import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { AgentBench, type AgentBenchOptions } from './testing/agent-bench.ts'

let bench: AgentBench

afterEach(() => bench.stop())

async function start(options: AgentBenchOptions = {}): Promise<void> {
  bench = await AgentBench.start({ standsAlone: true, ...options })
  await bench.quiet()
}

const lan = (n: number) => ({
  name: 'lan',
  type: 'bridge',
  bridge: 'br0',
  ipMasq: true,
  ipMasqBackend: 'iptables',
  ipam: { type: 'static', addresses: [{ address: `10.9.0.${n}/24` }, { address: `fd00:9::${n}/64` }] },
})
const add = (n: number) => bench.call('ADD', `pod-${n}`, lan(n))
const chains = () => bench.hostState().filter(key => key.startsWith('iptables-chain'))

test('chains of pods that come at once are made in one go, and go with them', async () => {
  await start()
  const runs: string[] = []
  bench.beforeOperation(({ op, entry }) => {
    const kind = entry.kind === 'iptables-chain' ? `${op} chains` : 'others'
    if (runs.at(-1) !== kind) runs.push(kind)
  })
  const pods = Array.from({ length: 8 }, (_, n) => n + 2)
  for (const { error } of await Promise.all(pods.map(add))) assert.equal(error, undefined)
  assert.equal(chains().length, 16)
  assert.equal(runs.filter(kind => kind === 'create chains').length, 1)
  await Promise.all(pods.map(n => bench.call('DEL', `pod-${n}`, lan(n))))
  assert.deepEqual(chains(), [])
  assert.equal(runs.filter(kind => kind === 'delete chains').length, 1)
})

test('without iptables an ADD is refused before anything is made, and says what to do', async () => {
  await start({ iptablesFault: 'iptables-save is not there' })
  const before = bench.hostState()
  const { error } = await add(2)
  assert.equal(error?.code, 2)
  assert.match(error?.msg ?? '', /iptables-save is not there.*ipMasqBackend.*nftables/)
  assert.deepEqual(bench.hostState(), before)
  const { error: other } = await bench.call('ADD', 'pod-2', { ...lan(2), ipMasqBackend: 'nftables' })
  assert.equal(other, undefined)
})

test('an ADD whose chain is refused takes all back', async () => {
  await start()
  const before = bench.hostState()
  bench.beforeOperation(({ op, entry }) => {
    if (op === 'create' && entry.kind === 'iptables-chain') bench.refuseOperation(0)
  })
  const { error } = await add(2)
  assert.ok(error !== undefined)
  bench.beforeOperation(() => {})
  bench.refuseNothing()
  await bench.call('GC', 'pod-2', { ...lan(2), 'cni.dev/valid-attachments': [] })
  assert.deepEqual(bench.hostState(), before)
})

test('what an ADD had made when the agent died goes with the next start', async () => {
  await start()
  await bench.crashAt('host wired', () => add(2))
  assert.equal(chains().length, 2)
  await bench.restart()
  await bench.quiet()
  assert.deepEqual(chains(), [])
})

test('a restart finds the chains as they were; DEL needs no namespace', async () => {
  await start()
  await add(2)
  assert.deepEqual(await bench.call('CHECK', 'pod-2', lan(2)), {})
  await bench.restart()
  assert.deepEqual(await bench.call('CHECK', 'pod-2', lan(2)), {})
  bench.freshPod('pod-2')
  assert.deepEqual(await bench.call('DEL', 'pod-2', lan(2)), {})
  assert.deepEqual(chains(), [])
})

test('with the journal lost the chains of pods stay, until DEL names their interface', async () => {
  await start()
  await add(2)
  await add(3)
  const before = chains()
  assert.equal(before.length, 4)
  bench.loseJournal()
  await bench.restart()
  await bench.agent.reconciler.audit()
  assert.deepEqual(chains(), before)
  assert.deepEqual(await bench.call('DEL', 'pod-2', lan(2)), {})
  assert.equal(chains().length, 2)
  assert.equal((await add(3)).error, undefined)
  assert.deepEqual(await bench.call('DEL', 'pod-3', lan(3)), {})
  assert.deepEqual(chains(), [])
})
