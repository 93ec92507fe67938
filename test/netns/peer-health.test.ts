/** Agents ask each other whether they can be reached, and say what is wrong in words. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { afterEach, test } from 'node:test'
import { agentMetrics } from '../../src/agent/metrics.ts'
import { Netns } from '../../src/sys/index.ts'
import { eventually, ip, TestCluster, type TestNode } from './agent-nodes.ts'

let cluster: TestCluster | undefined

afterEach(async () => {
  await cluster?.close()
  cluster = undefined
})

function nft(netns: Netns, ruleset: string): void {
  const enter = `--net=/proc/${process.pid}/fd/${netns.fds.netns}`
  execFileSync('nsenter', [enter, 'nft', '-f', '-'], { input: ruleset })
}

/** The one way to the other node. */
function way(node: TestNode) {
  return [...(node.agent?.peers?.ways() ?? [])][0]
}

function findings(node: TestNode): readonly string[] {
  return (node.agent?.peers?.findings() ?? []).map(({ object, text }) => `${object}: ${text}`)
}

async function sound(node: TestNode): Promise<void> {
  await eventually(`${node.name} to find its peer sound`, () => {
    const report = way(node)?.report
    return (report?.state === 'up' && report.fullSize === 'passes') || undefined
  })
  assert.deepEqual(findings(node), [])
}

/** Waits until the node says something of its peers, and then this. */
async function says(node: TestNode, expected: RegExp): Promise<void> {
  const [text, ...others] = await eventually(`${node.name} to say ${expected.source}`, () => {
    const found = findings(node)
    return found.some(line => expected.test(line)) ? found : undefined
  })
  assert.match(text ?? '', expected)
  assert.deepEqual(others, [])
}

async function start(...options: Parameters<typeof TestCluster.start>): Promise<[TestNode, TestNode]> {
  cluster = await TestCluster.start(...options)
  const nodes: [TestNode, TestNode] = [cluster.node(1), cluster.node(2)]
  for (const node of nodes) await sound(node)
  return nodes
}

test('peers are up, with a round trip, on the page of metrics', async () => {
  const [one, two] = await start()
  const { rttMs = Number.NaN, lastSeen } = way(one)?.report ?? {}
  assert.ok(rttMs > 0 && rttMs < 500, `${rttMs} ms`)
  assert.ok(lastSeen !== undefined)
  assert.ok(one.agent !== undefined && two.agent !== undefined)
  const text = await agentMetrics(one.agent).metrics()
  assert.match(text, /^podlace_agent_peer_up\{node="node-2"\} 1$/m)
  assert.match(text, /^podlace_agent_peer_rtt_seconds\{node="node-2"\} 0\.\d+$/m)
  assert.match(text, /^podlace_agent_peer_path_mtu_bytes\{node="node-2"\} 1450$/m)
  assert.match(text, /^podlace_agent_peers_state_count\{state="up"\} 1$/m)
})

test("a firewall that drops the tunnel's port is told from a node that is away; then a node that left is not spoken of", async () => {
  const [one, two] = await start()
  nft(two.netns, 'table ip test { chain in { type filter hook input priority 0; udp dport 8472 drop; }; }')
  await says(
    one,
    /^Node node-2: it answers at 192\.168\.77\.2 but not through flannel\.1: UDP port 8472 may be blocked on the way$/,
  )
  assert.equal(one.agent?.notReady(), undefined)
  nft(two.netns, 'delete table ip test')
  await sound(one)
  await sound(two)

  ip(two.netns, 'link set eth0 down')
  await says(
    one,
    /^Node node-2: it does not answer at all, neither through flannel\.1 nor at 192\.168\.77\.2: /,
  )
  await cluster?.store.delete('Node', 'node-2')
  await eventually('no peer', () => way(one) === undefined || undefined)
  assert.deepEqual(findings(one), [])
})

test('a link on the way that takes less than the uplink, without a word', async () => {
  const [one, two] = await start()
  ip(two.netns, 'link set eth0 mtu 1400')
  await says(
    one,
    /^Node node-2: packets of 1450 bytes do not reach it, small ones do: the path MTU is smaller; set a smaller mtu of the network$/,
  )
  assert.equal(way(one)?.report.state, 'up')
  ip(two.netns, 'link set eth0 mtu 1500')
  await sound(one)
})

/** Between the two, for each of them in the place of the other (proxy ARP). */
function plugRouter(nodes: readonly TestNode[], middle: Netns): void {
  ip(middle, 'link set lo up')
  ip(middle, 'address add 192.168.77.254/32 dev lo')
  middle.writeSysctl('ipv4/conf/all/forwarding', '1')
  for (const node of nodes) {
    ip(
      middle,
      `link add ${node.name} type veth peer name eth0 netns /proc/${process.pid}/fd/${node.netns.fds.netns}`,
    )
    ip(middle, `link set ${node.name} up`)
    ip(middle, `route add ${node.address}/32 dev ${node.name}`)
    middle.writeSysctl(`ipv4/conf/${node.name}/proxy_arp`, '1')
    ip(node.netns, 'link set lo up')
    ip(node.netns, 'link set eth0 up')
    ip(node.netns, `address add ${node.address}/24 dev eth0`)
  }
}

test('a router on the way that says how much fits', async () => {
  const [one] = await start({ type: 'host-gw' }, '10.244.0.0/16', { plug: plugRouter })
  const router = cluster?.switch
  assert.ok(router !== undefined)
  ip(router, 'link set node-2 mtu 1400')
  await says(
    one,
    /^Node node-2: packets of 1500 bytes do not reach it, .* smaller, 1400 as a router says; set the MTU of eth0 to 1400 on every node$/,
  )
  ip(router, 'link set node-2 mtu 1500')
  await sound(one)
})
