import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import type { CniOrder } from '../cni/index.ts'
import { AgentBench } from './testing/agent-bench.ts'

const SUBNET_FILE = '/run/flannel/subnet.env'
const SUBNET_ENV = `FLANNEL_NETWORK=10.30.0.0/16
FLANNEL_SUBNET=10.30.7.1/24
FLANNEL_MTU=1450
FLANNEL_IPMASQ=true
`
const RESULT = {
  cniVersion: '1.1.0',
  interfaces: [{ name: 'eth0', sandbox: '/run/netns/a' }],
  ips: [{ interface: 0, address: '10.30.7.2/24' }],
}

let bench: AgentBench
let files: Map<string, string>
let orders: CniOrder[]
let refuses: string | undefined

afterEach(() => bench.stop())

async function start(): Promise<void> {
  files = new Map([[SUBNET_FILE, SUBNET_ENV]])
  orders = []
  refuses = undefined
  bench = await AgentBench.start({ standsAlone: true, files })
  bench.execute = async order => {
    orders.push(order)
    const verb = order.environment.get('CNI_COMMAND')
    const reply = verb === refuses ? { code: 142, msg: 'not today' } : verb === 'ADD' ? RESULT : ''
    const stdout = reply === '' ? '' : JSON.stringify(reply)
    return { exitCode: verb === refuses ? 1 : 0, stdout: Buffer.from(stdout) }
  }
  await bench.quiet()
}

const network = (delegate: object = { type: 'theirs', colour: 'red' }, extra: object = {}) => ({
  name: 'lan',
  type: 'flannel',
  delegate,
  ...extra,
})
const verbs = () => orders.map(({ environment }) => environment.get('CNI_COMMAND'))
const given = (order = orders.at(-1)) => JSON.parse(Buffer.from(order?.stdin ?? []).toString())

test('a delegate of somebody else is told what flannel tells it, and its result is the answer', async () => {
  await start()
  const runtimeConfig = { mac: '02:00:00:00:00:01' }
  const { result } = await bench.call('ADD', 'a', network(undefined, { runtimeConfig }))
  assert.deepEqual(result?.ips, RESULT.ips)
  assert.equal(orders[0]?.plugin, 'theirs')
  assert.equal(orders[0].environment.get('CNI_CONTAINERID'), 'a')
  assert.deepEqual(given(), {
    cniVersion: '1.1.0',
    name: 'lan',
    type: 'theirs',
    colour: 'red',
    mtu: 1450,
    ipMasq: false,
    ipam: { type: 'host-local', ranges: [[{ subnet: '10.30.7.0/24' }]], routes: [{ dst: '10.30.0.0/16' }] },
    runtimeConfig,
  })
})

test('CHECK and DEL are passed on, with what ADD told and what they bring; after DEL all is forgotten', async () => {
  await start()
  await bench.call('ADD', 'a', network())
  const told = given()
  // The node's subnet is another one by now, or none: DEL must tell what ADD told.
  files.delete(SUBNET_FILE)
  const calls = network(undefined, { prevResult: RESULT })
  assert.deepEqual(await bench.call('CHECK', 'a', calls), {})
  assert.deepEqual(given(), { ...told, prevResult: RESULT })
  assert.deepEqual(await bench.call('DEL', 'a', calls), {})
  assert.deepEqual(given(), { ...told, prevResult: RESULT })
  assert.deepEqual(verbs(), ['ADD', 'CHECK', 'DEL'])
  assert.match((await bench.call('CHECK', 'a', calls)).error?.msg ?? '', /there is no attachment/)
  assert.equal(bench.agent.attached.size, 0)
})

test('what it was told outlives the agent, and a change of the configuration', async () => {
  await start()
  await bench.call('ADD', 'a', network())
  await bench.restart()
  assert.deepEqual(await bench.call('DEL', 'a', network({ type: 'bridge' })), {})
  assert.deepEqual([verbs(), orders.at(-1)?.plugin], [['ADD', 'DEL'], 'theirs'])
  assert.equal(given().colour, 'red')
})

test('a refusal of ADD is the answer, with its code, and is followed by DEL', async () => {
  await start()
  refuses = 'ADD'
  const { error } = await bench.call('ADD', 'a', network())
  assert.equal(error?.code, 142)
  assert.match(error?.msg ?? '', /not today/)
  assert.deepEqual(verbs(), ['ADD', 'DEL'])
  assert.equal(bench.agent.attached.size, 0)
})

/** A node of a cluster that loses its Node while an ADD is under way. */
async function startLosing(): Promise<void> {
  await start()
  await bench.stop()
  const told = bench.execute
  bench = await AgentBench.start({ files })
  bench.execute = async order => {
    if (order.environment.get('CNI_COMMAND') === 'ADD') await bench.store.delete('Node', 'node-1')
    await bench.quiet()
    assert.ok(told)
    return told(order)
  }
  await bench.addNetwork({ spec: { network: '10.30.0.0/16', backend: { type: 'vxlan' } } })
  await bench.addNode('node-1', '192.168.77.1', '10.30.7.0/24')
  await bench.quiet()
}

test('a node that loses its block in the middle takes the whole ADD back', async () => {
  await startLosing()
  const { error } = await bench.call('ADD', 'a', network())
  assert.equal(error?.code, 11, error?.msg)
  assert.deepEqual(verbs(), ['ADD', 'DEL'])
  assert.deepEqual(given().colour, 'red')
  assert.equal(bench.agent.attached.size, 0)
})

test('if that is refused, the reason is told all the same, and DEL can do it once more', async () => {
  await startLosing()
  refuses = 'DEL'
  const { error } = await bench.call('ADD', 'a', network())
  assert.equal(error?.code, 11, error?.msg)
  refuses = undefined
  assert.deepEqual(await bench.call('DEL', 'a', network()), {})
  assert.deepEqual(verbs(), ['ADD', 'DEL', 'DEL'])
  assert.equal(bench.agent.attached.size, 0)
})

test('a refused DEL keeps the record, so that the next one tells the same', async () => {
  await start()
  await bench.call('ADD', 'a', network())
  refuses = 'DEL'
  assert.equal((await bench.call('DEL', 'a', network())).error?.code, 142)
  assert.equal(bench.agent.attached.size, 1)
  refuses = undefined
  assert.deepEqual(await bench.call('DEL', 'a', network()), {})
  assert.equal(bench.agent.attached.size, 0)
})

test('DEL of what was never added is passed on as well, unless nobody knows what to tell', async () => {
  await start()
  assert.deepEqual(await bench.call('DEL', 'a', network()), {})
  files.delete(SUBNET_FILE)
  assert.deepEqual(await bench.call('DEL', 'a', network()), {})
  assert.deepEqual(verbs(), ['DEL'])
})

test('STATUS and GC are passed on; GC forgets what is not listed', async () => {
  await start()
  await bench.call('ADD', 'a', network())
  assert.deepEqual(await bench.call('STATUS', '', network()), {})
  const list = { 'cni.dev/valid-attachments': [] }
  assert.deepEqual(await bench.call('GC', '', network(undefined, list)), {})
  assert.deepEqual(given()['cni.dev/valid-attachments'], [])
  assert.deepEqual(verbs(), ['ADD', 'STATUS', 'GC'])
  assert.equal(bench.agent.attached.size, 0)
  refuses = 'STATUS'
  assert.equal((await bench.call('STATUS', '', network())).error?.code, 142)
})

test('types of ours that make no interface with addresses are refused, as are paths', async () => {
  await start()
  for (const type of ['flannel', 'podlace', 'tuning', 'host-local', '../x', '', 7]) {
    const { error } = await bench.call('ADD', 'a', network({ type }))
    assert.equal(error?.code, 2, String(type))
  }
  assert.deepEqual(orders, [])
})

test('a plugin is run on behalf of the call, whose shim it may not be', async () => {
  await start()
  await bench.call('DEL', 'a', network())
  const { environment } = orders[0] ?? {}
  assert.deepEqual([...(environment ?? [])].toSorted(), [
    ['CNI_ARGS', ''],
    ['CNI_COMMAND', 'DEL'],
    ['CNI_CONTAINERID', 'a'],
    ['CNI_IFNAME', 'eth0'],
    ['CNI_NETNS', '/run/netns/a'],
  ])
})
