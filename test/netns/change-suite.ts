import assert from 'node:assert/strict'
import { afterEach, type TestContext, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { sleep, systemClock } from '../../src/base/index.ts'
import type { BackendConfig, NetworkConfig } from '../../src/model/index.ts'
import { PingStream } from '../../src/probe/index.ts'
import { eventually, ip, TestCluster, type TestNode } from './agent-nodes.ts'
import { allReach, attachFirstPod, pairs } from './first-pods.ts'
import { openPinger, reaches } from './ping.ts'

type Spec = Partial<NetworkConfig['spec']>

/** What a network is, and what it becomes; whether nodes that have followed may be apart from such that have not. */
type Change = readonly [what: string, from: BackendConfig, to: Spec, between?: 'apart']

interface ChangeSuite {
  readonly changes: readonly Change[]
  /** Agents hear of a change one after another; also all at once? */
  readonly alsoTogether: boolean
  /** For nodes that change: their network, its device, and how many bytes less than the uplink's that one's MTU is. */
  readonly settled: { readonly backend: BackendConfig; readonly device: string; readonly overhead: number }
  /** What a pair of pods may miss in one go, in milliseconds. */
  readonly mostOutageMs: number
  /** How often each pair pings, in milliseconds. */
  readonly intervalMs: number
}

let cluster: TestCluster | undefined

/** A network is changed while its pods talk: whoever has heard of it and who has not, all pairs reach each other. */
export function changeSuite(suite: ChangeSuite): void {
  afterEach(async () => {
    await cluster?.close()
    cluster = undefined
  })

  for (const [what, from, to, between] of suite.changes) {
    if (suite.alsoTogether) {
      test(`${what} changes, and all agents hear of it`, async context => {
        const nodes = await start(from)
        await keepTalking(context, suite, nodes, () => together(nodes, to))
      })
    }

    test(`${what} changes, and one agent after another hears of it`, async context => {
      const nodes = await start(from)
      // How long they are apart is for the agents' starts to say.
      const paced = between === 'apart' ? { ...suite, mostOutageMs: 30_000 } : suite
      await keepTalking(context, paced, nodes, () => oneAfterAnother(nodes, to, between))
    })
  }

  const { backend, device, overhead } = suite.settled
  test(`${backend.type}: the MTU of the uplinks changes, and one agent after another notices`, async context => {
    const nodes = await start(backend)
    await keepTalking(context, suite, nodes, async () => {
      for (const { netns } of nodes) {
        ip(netns, 'link set eth0 mtu 1400')
        const follows = () => ip(netns, `link show ${device}`).includes(` mtu ${1400 - overhead} `)
        await eventually(`${device} to follow`, follows)
        await allReach(nodes)
      }
    })
  })

  test(`${backend.type}: the address of a node changes, before and after its kubelet tells`, async context => {
    const nodes = await start(backend)
    const [one] = nodes
    assert.ok(one !== undefined)
    await keepTalking(context, suite, nodes, () => changeAddress(one, nodes))
  })

  test(`${backend.type}: a node without pods gets another block, and its next pod is reached`, async context => {
    const nodes = await start(backend)
    const [one, two, three] = nodes
    assert.ok(one !== undefined && two !== undefined && three !== undefined)
    assert.deepEqual(await three.call('DEL', three.name), {})
    await keepTalking(context, suite, [one, two], () => changeBlock(three, nodes, device))
    assert.doesNotMatch(ip(one.netns, 'route show'), /10\.244\.3\./)
  })
}

/** Three nodes with a pod each that reach each other. */
async function start(backend: BackendConfig): Promise<readonly TestNode[]> {
  cluster = await TestCluster.start(backend, '10.244.0.0/16', { nodeCount: 3 })
  for (const node of cluster.nodes) await attachFirstPod(node)
  await allReach(cluster.nodes)
  return cluster.nodes
}

function podOf(node: TestNode) {
  return node.pod(node.name)
}

/** Every pod pings every other one while something happens, and misses little; in the end it reaches it. */
async function keepTalking(
  context: TestContext,
  { mostOutageMs, intervalMs }: ChangeSuite,
  nodes: readonly TestNode[],
  happens: () => Promise<void>,
): Promise<void> {
  const streams = pairs(nodes).map(([from, to], i) => {
    const pinger = openPinger(podOf(from), 4, 100 + i)
    const common = { pinger, clock: systemClock, intervalMs, timeoutMs: 3_000 }
    const stream = new PingStream({ ...common, address: to.podCidr.replace('0/24', '2') })
    return { name: `${from.name} to ${to.name}`, stream, pinger }
  })
  const tooLong: string[] = []
  try {
    await happens()
    // What is broken for good shows by then.
    await sleep(systemClock, 1_200)
    await allReach(nodes)
  } finally {
    const reports = await Promise.all(streams.map(({ stream }) => stream.stop()))
    for (const { pinger } of streams) pinger.close()
    for (const [i, { longestOutageMs, sent }] of reports.entries()) {
      const line = `${streams[i]?.name}: ${Math.round(longestOutageMs)} ms`
      if (longestOutageMs > 0) context.diagnostic(line)
      if (sent === 0 || longestOutageMs > mostOutageMs) tooLong.push(line)
    }
  }
  assert.deepEqual(tooLong, [])
}

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
async function oneAfterAnother(nodes: readonly TestNode[], spec: Spec, between: Change[3]): Promise<void> {
  for (const node of nodes) await node.stopAgent()
  await configure(spec)
  for (const node of nodes) {
    await node.startAgent()
    await heard(nodes, spec)
    if (between !== 'apart') await allReach(nodes)
  }
  await agreed(nodes)
}

async function changeAddress(node: TestNode, nodes: readonly TestNode[]): Promise<void> {
  ip(node.netns, 'address delete 192.168.77.1/24 dev eth0')
  ip(node.netns, 'address add 192.168.77.9/24 dev eth0')
  const { store } = cluster ?? assert.fail()
  await eventually('the others to be told', async () => {
    const { metadata } = await store.get('Node', node.name)
    return metadata.annotations?.['flannel.alpha.coreos.com/public-ip'] === '192.168.77.9'
  })
  await heard(nodes, {})
  await store.patchStatus('Node', node.name, {
    status: { addresses: [{ type: 'InternalIP', address: '192.168.77.9' }] },
  })
  await heard(nodes, {})
}

async function changeBlock(node: TestNode, nodes: readonly TestNode[], device: string): Promise<void> {
  const podCIDR = '10.244.9.0/24'
  await cluster?.store.patch('Node', node.name, { spec: { podCIDR, podCIDRs: [podCIDR] } })
  await heard(nodes, {})
  const base = `address 10.244.9.0/32 dev ${device}`
  await eventually('the block to be taken up', () => node.agent?.entries.get(base) !== undefined || undefined)
  const { result, error } = await node.call('ADD', 'next')
  assert.equal(error, undefined)
  assert.equal(result?.ips[0]?.address, '10.244.9.2/24')
  for (const from of nodes.filter(other => other !== node)) await reaches(podOf(from), ['10.244.9.2'])
}
