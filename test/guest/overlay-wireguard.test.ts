/** The backend wireguard on a kernel that has the module: three nodes, an agent each, pods of both families. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { WireguardBackend } from '../../src/model/index.ts'
import { eventually, ip, TestCluster, type TestNode } from '../netns/agent-nodes.ts'
import { attachFirstPod } from '../netns/first-pods.ts'
import { ping, reaches } from '../netns/ping.ts'

/** Three nodes on one switch, and a pod each; for as long as the test. */
async function start(
  context: TestContext,
  backend: Partial<WireguardBackend>,
): Promise<[TestCluster, readonly [TestNode, TestNode, TestNode]]> {
  const options = { nodeCount: 3, dualStack: true }
  const cluster = await TestCluster.start({ type: 'wireguard', ...backend }, undefined, options)
  context.after(() => cluster.close())
  for (const node of cluster.nodes) await attachFirstPod(node)
  return [cluster, [cluster.node(1), cluster.node(2), cluster.node(3)]]
}

/** Until an answer came, of both families. */
function pings(from: TestNode, to: TestNode): Promise<void> {
  return reaches(from.pod(from.name), to.firstPodAddresses)
}

function publicKey({ agent }: TestNode): string {
  return agent?.network?.self.wireguardKey ?? ''
}

/** Public keys of the peers that the kernel has, as the agent sees them when it looks anew. */
async function peersOf({ agent }: TestNode, link = 'flannel-wg'): Promise<string[]> {
  assert.ok(agent !== undefined)
  await agent.reconciler.settled()
  await agent.reconciler.audit()
  const entries = [...agent.reconciler.observed.entries()].map(({ entry }) => entry)
  return entries.flatMap(entry =>
    entry.kind === 'wireguard-peer' && entry.link === link ? [entry.publicKey] : [],
  )
}

const BYTES = 500_000
const SERVER = `require('net').createServer(socket => {
  let bytes = 0
  socket.on('data', data => (bytes += data.length)).on('end', () => socket.end(String(bytes)))
}).listen(7000, '::', () => console.log('listening'))`

const inPod = (node: TestNode) => [
  `--net=/proc/${process.pid}/fd/${node.pod(node.name).fds.netns}`,
  process.execPath,
  '-e',
]

/** Full segments, both ways of the handshake and of acknowledgements. */
async function streams(from: TestNode, to: TestNode): Promise<void> {
  const server = spawn('nsenter', [...inPod(to), SERVER], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await once(server.stdout, 'data')
    for (const address of to.firstPodAddresses) {
      const client = `const socket = require('net').connect(7000, '${address}')
        socket.pipe(process.stdout)
        socket.end(Buffer.alloc(${BYTES}))`
      assert.equal(
        execFileSync('nsenter', [...inPod(from), client], { encoding: 'utf8', timeout: 60_000 }),
        `${BYTES}`,
      )
    }
  } finally {
    server.kill('SIGKILL')
    await once(server, 'exit')
  }
}

async function writesNothing(node: TestNode): Promise<void> {
  await node.agent?.reconciler.settled()
  await node.stopAgent()
  const agent = await node.startAgent()
  await eventually('ready', () => agent.notReady() === undefined || undefined)
  await agent.reconciler.settled()
  assert.deepEqual(agent.reconciler.history(), [])
}

test('pods of three nodes over a tunnel for each family', { timeout: 500_000 }, async t => {
  const [{ store }, [one, two, three]] = await start(t, {})

  await t.test('reach each other, all ways', async () => {
    for (const [from, to] of [
      [one, two],
      [two, one],
      [one, three],
      [three, two],
    ] as const)
      await pings(from, to)
    assert.match(ip(one.netns, '-d link show flannel-wg'), /mtu 1420 .*wireguard/s)
    assert.match(ip(one.netns, 'route get 10.244.2.2'), /dev flannel-wg src 10\.244\.1\.0 /)
    assert.match(ip(one.netns, 'route get fd00:10:0:2::2'), /dev flannel-wg-v6 .*src fd00:10:0:1:: /)
    for (const link of ['flannel-wg', 'flannel-wg-v6']) {
      assert.deepEqual((await peersOf(one, link)).toSorted(), [publicKey(two), publicKey(three)].toSorted())
    }
  })

  await t.test('streams of full segments arrive whole', () => streams(one, two))

  await t.test('a device that somebody deletes comes back with all its peers', async () => {
    ip(one.netns, 'link delete flannel-wg')
    ip(one.netns, 'link delete flannel-wg-v6')
    await pings(one, two)
    await pings(three, one)
    assert.equal((await peersOf(one)).length, 2)
  })

  await t.test('a node with a new key is a new peer', async () => {
    const before = publicKey(two)
    await two.stopAgent()
    rmSync(join(two.stateDir, 'wireguard.key'))
    await two.startAgent()
    await eventually('a key', () => (publicKey(two) === '' ? undefined : true))
    assert.notEqual(publicKey(two), before)
    await eventually('its peers', async () => (await peersOf(one)).includes(publicKey(two)) || undefined)
    assert.ok(!(await peersOf(one)).includes(before))
    await pings(one, two)
    await pings(two, three)
  })

  await t.test('a preshared key is taken up by all', async () => {
    const config = await store.get('NetworkConfig', 'default')
    assert.ok(config !== undefined)
    const presharedKey = Buffer.alloc(32, 5).toString('base64')
    await store.update('NetworkConfig', {
      ...config,
      spec: { ...config.spec, backend: { type: 'wireguard', presharedKey } },
    })
    for (const node of [one, two, three]) {
      await eventually('the key', () => {
        const network = node.agent?.network?.config.spec.backend
        return (network?.type === 'wireguard' && network.presharedKey === presharedKey) || undefined
      })
      await node.agent?.reconciler.settled()
      assert.deepEqual(node.agent?.reconciler.findings, [])
    }
    await pings(one, two)
    await pings(three, one)
    await writesNothing(three)
  })

  await t.test('what goes to a node that left is dropped, and not sent in the clear', async () => {
    const gone = publicKey(three)
    await store.delete('Node', three.name)
    await eventually('one peer', async () => !(await peersOf(one)).includes(gone) || undefined)
    assert.deepEqual(await peersOf(one), [publicKey(two)])
    for (const address of three.firstPodAddresses) {
      assert.notEqual(await ping(one.pod(one.name), address), 'ok')
      assert.match(ip(one.netns, `route get ${address}`), /dev flannel-wg/)
    }
    await pings(one, two)
  })
})

for (const [mode, port] of [
  ['ipv6', 'fd77::2'],
  ['auto', '192.168.77.2'],
] as const) {
  test(`pods of both families over one tunnel, in mode ${mode}`, { timeout: 500_000 }, async t => {
    const [, [one, two]] = await start(t, { mode, listenPort: 7000, persistentKeepaliveSeconds: 20 })
    await pings(one, two)
    await pings(two, one)
    await streams(one, two)
    assert.throws(() => ip(one.netns, 'link show flannel-wg-v6'))
    const peer = one.agent?.entries.get(`wireguard-peer ${publicKey(two)} dev flannel-wg`)
    assert.ok(peer?.kind === 'wireguard-peer')
    assert.deepEqual(peer.endpoint, { address: port, port: 7000 })
    assert.deepEqual(peer.allowedIps, ['10.244.2.0/24', 'fd00:10:0:2::/64'])
    await writesNothing(two)
  })
}
