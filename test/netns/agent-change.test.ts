/** A network that is changed while its pods talk: no pair of them is apart for longer than a second. */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { sleep, systemClock } from '../../src/base/index.ts'
import type { BackendConfig, NetworkConfig } from '../../src/model/index.ts'
import { PingStream } from '../../src/probe/index.ts'
import { eventually, ip, TestCluster, type TestNode } from './agent-nodes.ts'
import { openPinger, ping } from './ping.ts'

/** What a pair may miss in one go. */
const OUTAGE_MS = 1_000

let cluster: TestCluster | undefined

afterEach(async () => {
  await cluster?.close()
  cluster = undefined
})

/** Three nodes with a pod each, named after them, that reach each other. */
async function start(backend: BackendConfig): Promise<readonly TestNode[]> {
  cluster = await TestCluster.start(backend, '10.244.0.0/16', { nodeCount: 3 })
  const { nodes } = cluster
  for (const node of nodes) {
    await eventually(`${node.name} ready`, () => node.agent?.notReady() === undefined || undefined)
    assert.equal((await node.call('ADD', node.name)).error, undefined)
  }
  for (const [from, to] of pairs(nodes)) {
    await eventually(
      `${from.name} to ${to.name}`,
      async () => (await ping(podOf(from), podAddress(to))) === 'ok' || undefined,
    )
  }
  return nodes
}

function pairs(nodes: readonly TestNode[]): readonly (readonly [TestNode, TestNode])[] {
  return nodes.flatMap(from => nodes.filter(to => to !== from).map(to => [from, to] as const))
}

function podOf(node: TestNode) {
  return node.pod(node.name)
}

function podAddress(node: TestNode): string {
  return node.podCidr.replace('0/24', '2')
}

/** Every pod pings every other one while something happens; the pairs that missed too much in one go. */
async function outages(nodes: readonly TestNode[], happens: () => Promise<void>): Promise<string[]> {
  const streams = pairs(nodes).map(([from, to], i) => {
    const pinger = openPinger(podOf(from), 4, 100 + i)
    const common = { pinger, clock: systemClock, intervalMs: 50, timeoutMs: 3_000 }
    const stream = new PingStream({ ...common, address: podAddress(to) })
    return { name: `${from.name} to ${to.name}`, stream, pinger }
  })
  const tooLong: string[] = []
  try {
    await happens()
    // What is broken for good shows by then.
    await sleep(systemClock, OUTAGE_MS + 200)
  } finally {
    const reports = await Promise.all(streams.map(({ stream }) => stream.stop()))
    for (const [i, { longestOutageMs, sent }] of reports.entries()) {
      const { name = '', pinger } = streams[i] ?? {}
      pinger?.close()
      if (sent === 0 || longestOutageMs > OUTAGE_MS) tooLong.push(`${name}: ${longestOutageMs} ms`)
    }
  }
  return tooLong
}

type Spec = Partial<NetworkConfig['spec']>

/** The agents that run have heard of all that is told, and have done what follows. */
async function heard(nodes: readonly TestNode[], spec: Spec): Promise<void> {
  const { store } = cluster ?? assert.fail()
  const running = nodes.filter(({ agent }) => agent !== undefined)
  await eventually('the agents to follow', async () => {
    const { items } = await store.list('Node')
    return running.every(({ agent }) => {
      const isNew = isDeepStrictEqual(
        { ...agent?.network?.config.spec, ...spec },
        agent?.network?.config.spec,
      )
      return (
        isNew && items.every(({ metadata }) => versionOf(agent, metadata.name) === metadata.resourceVersion)
      )
    })
  })
  for (const { agent } of running) await agent?.reconciler.settled()
}

function versionOf(agent: TestNode['agent'], name: string): string | undefined {
  return agent?.nodes.get(name)?.metadata.resourceVersion
}

/** Nobody is reached in a way that is not the network's. */
async function agreed(nodes: readonly TestNode[]): Promise<void> {
  await eventually('all to be the same', () =>
    nodes.every(({ agent }) =>
      [...(agent?.plans.findings.entries() ?? [])].every(([, { text }]) => !/both are the same/.test(text)),
    ),
  )
  for (const { agent } of nodes) await agent?.reconciler.settled()
}

async function configure(spec: Spec): Promise<void> {
  await cluster?.store.patch('NetworkConfig', 'default', { spec: { ...spec } })
}

/** All agents hear of it at about the same time. */
async function together(nodes: readonly TestNode[], spec: Spec): Promise<void> {
  await configure(spec)
  await heard(nodes, spec)
  await agreed(nodes)
}

/** Each agent hears of it when the one before has done what it can; those to come are away, and their nodes go on. */
async function oneAfterAnother(nodes: readonly TestNode[], spec: Spec): Promise<void> {
  for (const node of nodes) await node.stopAgent()
  await configure(spec)
  for (const node of nodes) {
    await node.startAgent()
    await heard(nodes, spec)
  }
  await agreed(nodes)
}

const vxlan = { type: 'vxlan' } as const
const changes: readonly [what: string, from: BackendConfig, to: Spec][] = [
  ['the MTU', vxlan, { backend: { type: 'vxlan', mtu: 1300 } }],
  ['the port', vxlan, { backend: { type: 'vxlan', port: 4789 } }],
  ['the VNI', vxlan, { backend: { type: 'vxlan', vni: 7 } }],
  ['options of the backend', vxlan, { backend: { type: 'vxlan', directRouting: true, learning: true } }],
  ['masquerading', vxlan, { masquerade: false }],
  ['vxlan to host-gw', vxlan, { backend: { type: 'host-gw' } }],
  ['host-gw to vxlan', { type: 'host-gw' }, { backend: vxlan }],
  ['vxlan to udp', vxlan, { backend: { type: 'udp' } }],
  ['udp to vxlan', { type: 'udp' }, { backend: vxlan }],
  ['udp to host-gw', { type: 'udp' }, { backend: { type: 'host-gw' } }],
  ['the port of udp', { type: 'udp' }, { backend: { type: 'udp', port: 9000 } }],
  ['host-gw to udp', { type: 'host-gw' }, { backend: { type: 'udp' } }],
]

for (const [what, from, to] of changes) {
  test(`${what} changes, and all agents hear of it`, async () => {
    const nodes = await start(from)
    assert.deepEqual(await outages(nodes, () => together(nodes, to)), [])
  })

  test(`${what} changes, and one agent after another hears of it`, async () => {
    const nodes = await start(from)
    assert.deepEqual(await outages(nodes, () => oneAfterAnother(nodes, to)), [])
  })
}

test('the address of a node changes, before and after its kubelet tells', async () => {
  const nodes = await start(vxlan)
  const [one] = nodes
  assert.ok(one !== undefined)
  const change = async () => {
    ip(one.netns, 'address delete 192.168.77.1/24 dev eth0')
    ip(one.netns, 'address add 192.168.77.9/24 dev eth0')
    const { store } = cluster ?? assert.fail()
    await eventually('the others to be told', async () => {
      const { metadata } = await store.get('Node', one.name)
      return metadata.annotations?.['flannel.alpha.coreos.com/public-ip'] === '192.168.77.9'
    })
    await heard(nodes, {})
    await store.patchStatus('Node', one.name, {
      status: { addresses: [{ type: 'InternalIP', address: '192.168.77.9' }] },
    })
    await heard(nodes, {})
  }
  assert.deepEqual(await outages(nodes, change), [])
})

test('a node without pods gets another block, and its next pod is reached', async () => {
  const nodes = await start(vxlan)
  const [one, two, three] = nodes
  assert.ok(one !== undefined && two !== undefined && three !== undefined)
  assert.deepEqual(await three.call('DEL', three.name), {})
  const between = async () => {
    const podCIDR = '10.244.9.0/24'
    await cluster?.store.patch('Node', three.name, { spec: { podCIDR, podCIDRs: [podCIDR] } })
    await heard(nodes, {})
    const base = 'address 10.244.9.0/32 dev flannel.1'
    await eventually(
      'the block to be taken up',
      () => three.agent?.entries.get(base) !== undefined || undefined,
    )
    const { result, error } = await three.call('ADD', 'next')
    assert.equal(error, undefined)
    assert.equal(result?.ips[0]?.address, '10.244.9.2/24')
    for (const from of [one, two]) {
      await eventually(
        `${from.name} to the next`,
        async () => (await ping(podOf(from), '10.244.9.2')) === 'ok' || undefined,
      )
    }
  }
  assert.deepEqual(await outages([one, two], between), [])
  assert.doesNotMatch(ip(one.netns, 'route show'), /10\.244\.3\./)
})
