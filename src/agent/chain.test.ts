import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { AgentBench } from './testing/agent-bench.ts'

let bench: AgentBench

afterEach(() => bench.stop())

const ADDRESS = { address: '10.9.0.2/24' }
const lan = {
  name: 'lan',
  type: 'bridge',
  bridge: 'br0',
  guard: false,
  ipam: { type: 'static', addresses: [ADDRESS] },
}
const prevResult = {
  interfaces: [{ name: 'br0' }, { name: 'eth0', sandbox: '/run/netns/a' }],
  ips: [{ interface: 1, ...ADDRESS }],
}
const tuning = (settings: object) => ({ name: 'lan', type: 'tuning', prevResult, ...settings })
const bandwidth = (limits: object) => ({ name: 'lan', type: 'bandwidth', prevResult, ...limits })
const portmap = (hostPort: number) => ({
  name: 'lan',
  type: 'portmap',
  prevResult,
  // Without the capability the runtime says the same to both: the list has to tell them apart.
  id: hostPort,
  runtimeConfig: { portMappings: [{ hostPort, containerPort: 80, protocol: 'tcp' }] },
})
const call = (command: string, config: object) => bench.call(command, 'a', config)
const FIRST = tuning({ sysctl: { 'net.core.somaxconn': '500' } })
const SECOND = tuning({ sysctl: { 'net.ipv4.ip_default_ttl': '70' } })

async function add(...configs: readonly object[]): Promise<void> {
  for (const config of configs) assert.equal((await call('ADD', config)).error, undefined)
}

/** A pod with an interface. */
async function start(): Promise<void> {
  const files = new Map([['/etc/cni/tuning/allowlist.conf', '^net']])
  bench = await AgentBench.start({ standsAlone: true, files })
  await bench.quiet()
  await add(lan)
}

const ports = () => bench.commandsAbout('10.9.0.2').filter(text => /808[01]/.test(text)).length
const ttl = (value: number) => tuning({ sysctl: { 'net.ipv4.ip_default_ttl': `${value}` } })
const keys = () => [...bench.agent.attached.entries()].map(([key]) => key)

test('two plugins of one type: each is checked, and each goes by its own DEL', async () => {
  await start()
  await add(portmap(8080), portmap(8081))
  assert.deepEqual(keys(), ['a/eth0', 'a/eth0 portmap', 'a/eth0 portmap 2'])
  assert.deepEqual(await call('CHECK', portmap(8080)), {})
  assert.deepEqual(await call('CHECK', portmap(8081)), {})
  const both = ports()
  assert.deepEqual(await call('DEL', portmap(8081)), {})
  assert.equal(ports(), both / 2)
  assert.deepEqual(await call('CHECK', portmap(8080)), {})
  assert.deepEqual(await call('DEL', portmap(8080)), {})
  assert.equal(ports(), 0)
})

test('DEL of the interface takes all of them along', async () => {
  await start()
  await add(FIRST, SECOND, portmap(8080), portmap(8081))
  assert.deepEqual(await call('DEL', lan), {})
  assert.deepEqual(keys(), [])
})

test('GC takes all of them away, and a restart keeps them', async () => {
  await start()
  await add(portmap(8080), portmap(8081))
  await bench.restart()
  assert.deepEqual(await call('CHECK', portmap(8080)), {})
  assert.deepEqual(await call('CHECK', portmap(8081)), {})
  assert.deepEqual(await call('GC', { ...lan, 'cni.dev/valid-attachments': [] }), {})
  assert.deepEqual(keys(), [])
  assert.deepEqual(bench.hostState(), [])
})

test('the same twice: both are there, one DEL takes both, the other finds nothing to do', async () => {
  await start()
  await add(FIRST, FIRST)
  assert.deepEqual(await call('CHECK', FIRST), {})
  assert.deepEqual(await call('DEL', FIRST), {})
  assert.deepEqual(keys(), ['a/eth0'])
  assert.deepEqual(await call('DEL', FIRST), {})
})

test('a configuration that was changed since ADD: DEL takes the last of the type', async () => {
  await start()
  await add(FIRST, SECOND)
  const changed = tuning({ sysctl: { 'net.core.somaxconn': '900' } })
  assert.deepEqual(await call('DEL', changed), {})
  assert.deepEqual(keys(), ['a/eth0', 'a/eth0 tuning'])
  assert.deepEqual(await call('CHECK', FIRST), {})
  assert.deepEqual(await call('DEL', changed), {})
  assert.deepEqual(keys(), ['a/eth0'])
})

test('what a plugin of the chain set last is put back first', async () => {
  await start()
  const written: string[] = []
  bench.beforeOperation(({ entry }) => {
    if (entry.kind === 'sysctl' && entry.path === 'ipv4/ip_default_ttl') written.push(entry.value)
  })
  await add(ttl(70), ttl(80))
  await call('DEL', ttl(80))
  await call('DEL', ttl(70))
  assert.deepEqual(written, ['70', '80', '70', '0'])
  await add(ttl(70), ttl(80))
  await call('DEL', lan)
  assert.deepEqual(written.slice(4), ['70', '80', '70', '0'])
})

test('limits of one direction each go together; two of one direction are refused, and the first stays', async () => {
  await start()
  const ingress = bandwidth({ ingressRate: 8_000_000, ingressBurst: 800_000 })
  await add(ingress, bandwidth({ egressRate: 8_000_000, egressBurst: 800_000 }))
  const before = bench.hostState()
  const { error } = await call('ADD', bandwidth({ ingressRate: 16_000_000, ingressBurst: 800_000 }))
  assert.equal(error?.code, 7)
  assert.match(error?.msg ?? '', /another bandwidth of a\/eth0 wants qdisc/)
  assert.deepEqual(bench.hostState(), before)
  assert.deepEqual(await call('CHECK', ingress), {})
})

test('who adds again and again without DEL is refused at last', async () => {
  await start()
  await add(...Array.from({ length: 8 }, () => FIRST))
  assert.match((await call('ADD', FIRST)).error?.msg ?? '', /a\/eth0 tuning 8 is attached already/)
})
