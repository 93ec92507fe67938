import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { AgentBench } from './testing/agent-bench.ts'

let bench: AgentBench

afterEach(() => bench.stop())

async function start(): Promise<void> {
  bench = await AgentBench.start({ standsAlone: true })
  await bench.quiet()
}

const mapping = (n: number, hostPort: number) => ({
  name: 'lan',
  type: 'portmap',
  runtimeConfig: { portMappings: [{ hostPort, containerPort: 80, protocol: 'tcp' }] },
  prevResult: {
    interfaces: [{ name: 'br0' }, { name: 'eth0', sandbox: '/run/netns/x' }],
    ips: [{ interface: 1, address: `10.9.0.${n}/24` }],
  },
})
const call = (command: string, n: number, hostPort: number) =>
  bench.call(command, `pod-${n}`, mapping(n, hostPort))

test('of pods that ask for one host port at once exactly one gets it', async () => {
  await start()
  const pods = [2, 3, 4, 5, 6]
  const replies = await Promise.all(pods.map(n => call('ADD', n, 8080)))
  const refusals = replies.flatMap(({ error }) => (error === undefined ? [] : [error.msg]))
  assert.equal(refusals.length, pods.length - 1)
  for (const refusal of refusals) assert.match(refusal, /host port tcp 8080 leads to .* already/)
  assert.equal(bench.agent.attached.size, 1)
})

test('pods that ask for different host ports at once all get them', async () => {
  await start()
  const replies = await Promise.all([2, 3, 4].map(n => call('ADD', n, 8080 + n)))
  assert.deepEqual(
    replies.map(({ error }) => error),
    [undefined, undefined, undefined],
  )
})

test('a refused ADD leaves the port to the pod that has it, and its DEL gives it to the next', async () => {
  await start()
  assert.equal((await call('ADD', 2, 8080)).error, undefined)
  const before = bench.hostState()
  assert.ok((await call('ADD', 3, 8080)).error !== undefined)
  assert.deepEqual(await call('DEL', 3, 8080), {})
  assert.deepEqual(bench.hostState(), before)
  assert.deepEqual(await call('DEL', 2, 8080), {})
  assert.equal((await call('ADD', 3, 8080)).error, undefined)
})

test('a port stays taken across a restart', async () => {
  await start()
  assert.equal((await call('ADD', 2, 8080)).error, undefined)
  await bench.restart()
  assert.match((await call('ADD', 3, 8080)).error?.msg ?? '', /host port tcp 8080 leads to .* already/)
  assert.equal((await call('ADD', 3, 8081)).error, undefined)
})
