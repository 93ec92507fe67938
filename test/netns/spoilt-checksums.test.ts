/** A network card that spoils the checksums of packets within vxlan: agents find it out and leave it none. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { agentMetrics } from '../../src/agent/metrics.ts'
import type { Netns } from '../../src/sys/index.ts'
import { eventually, ip, TestCluster, type TestNode } from './agent-nodes.ts'
import { receiveStream, sendStream, streamOf, summaryOf } from './udp-streams.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const DEVICE = 'flannel.1'

let cluster: TestCluster | undefined
let card: ChildProcess | undefined

afterEach(async () => {
  card?.kill('SIGKILL')
  await cluster?.close()
  cluster = undefined
})

/** The card is between the two. */
function plugCard(nodes: readonly TestNode[], middle: Netns): void {
  execFileSync('sh', ['native/build.sh', 'spoiling-card'], { cwd: root })
  for (const node of nodes) {
    const there = `/proc/${process.pid}/fd/${node.netns.fds.netns}`
    ip(middle, `link add ${node.name} type veth peer name eth0 netns ${there}`)
    ip(middle, `link set ${node.name} up`)
    ip(node.netns, 'link set lo up')
    ip(node.netns, 'link set eth0 up')
    ip(node.netns, `address add ${node.address}/24 dev eth0`)
  }
  const where = `--net=/proc/${process.pid}/fd/${middle.fds.netns}`
  const command = [where, `${root}/build/podlace-spoiling-card`, ...nodes.map(({ name }) => name)]
  card = spawn('nsenter', command, { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** Waits until the node's peer answers as it should. */
function sound(node: TestNode) {
  return eventually(`${node.name} to find its peer sound`, () => {
    const [way] = node.agent?.peers?.ways() ?? []
    return (way?.report.state === 'up' && way.report.fullSize === 'passes') || undefined
  })
}

const leavesChecksums = (node: TestNode) => node.netns.readTxChecksum(DEVICE)

function texts(node: TestNode): readonly string[] {
  return (node.agent?.overlayFindings() ?? []).map(({ text }) => text)
}

test('agents find it out, compute checksums themselves, say so, and keep to it', async () => {
  cluster = await TestCluster.start({ type: 'vxlan' }, '10.244.0.0/16', { plug: plugCard })
  assert.ok(card?.stdout)
  await once(card.stdout, 'readable')
  const nodes = [cluster.node(1), cluster.node(2)] as const
  const [one, two] = nodes
  for (const node of nodes) {
    await eventually('checksums to be computed', () => !leavesChecksums(node) || undefined)
    await sound(node)
    assert.match(texts(node).join('\n'), /^packets that left through flannel\.1 arrived with wrong checksums/)
  }
  assert.ok(one.agent !== undefined)
  assert.match(await agentMetrics(one.agent).metrics(), /^podlace_agent_software_checksums_count 1$/m)

  for (const node of nodes) await node.call('ADD', node.name)
  using server = await receiveStream(two.pod(two.name), 7001)
  await sendStream(one.pod(one.name), '10.244.2.2', 7001, 200_000)
  assert.equal(await server.summary, summaryOf(streamOf(200_000)))

  one.netns.writeTxChecksum(DEVICE, true)
  await eventually('another program to be overruled', () => !leavesChecksums(one) || undefined)
  ip(one.netns, `link delete ${DEVICE}`)
  await eventually('the device to be as before', () =>
    isThere(one) && !leavesChecksums(one) ? true : undefined,
  )
  await one.stopAgent()
  await one.startAgent()
  await eventually(
    'the next agent to say it too',
    () => texts(one).some(text => text.startsWith('packets that left')) || undefined,
  )
  await sound(one)
})

function isThere(node: TestNode): boolean {
  try {
    leavesChecksums(node)
    return true
  } catch {
    return false
  }
}

test('a peer that is away, and a tunnel that is blocked, are no fault of checksums', async () => {
  cluster = await TestCluster.start()
  const [one, two] = [cluster.node(1), cluster.node(2)]
  await sound(one)
  const enter = `--net=/proc/${process.pid}/fd/${two.netns.fds.netns}`
  const ruleset =
    'table ip test { chain in { type filter hook input priority 0; udp dport 8472 counter drop; }; }'
  execFileSync('nsenter', [enter, 'nft', '-f', '-'], { input: ruleset })
  const dropped = () => {
    const listed = execFileSync('nsenter', [enter, 'nft', 'list', 'table', 'ip', 'test'], {
      encoding: 'utf8',
    })
    return Number(/counter packets (\d+)/.exec(listed)?.[1])
  }
  // Two probes a turn through the tunnel; twelve turns would do if the other one were answered.
  await eventually('fourteen turns to be lost', () => dropped() >= 28 || undefined)
  assert.ok(leavesChecksums(one))
})
