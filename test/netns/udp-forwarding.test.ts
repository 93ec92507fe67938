/** The UDP tunnel between pods: both ends ours, or one of them the plain loop of the benchmark. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { test } from 'node:test'
import { buildProgram } from '../../bench/support/programs.ts'
import { ping } from './ping.ts'
import { inside, MTU, PORT, tcpChecksumErrors, type UdpNode, UdpPair } from './udp-nodes.ts'
import { receiveStream, sendStream, streamOf, summaryOf } from './udp-streams.ts'

const STREAM = 8_000_000

async function transfer(from: UdpNode, to: UdpNode, port: number): Promise<void> {
  using server = await receiveStream(to.pod, port)
  await sendStream(from.pod, to.podAddress, port, STREAM)
  assert.equal(await server.summary, summaryOf(streamOf(STREAM)))
}

for (const queues of [1, 2]) {
  test(`with ${queues} queue(s), pods reach each other and streams arrive whole`, async () => {
    using pair = new UdpPair()
    await pair.carry(queues)
    const { one, two } = pair
    assert.equal(await ping(one.pod, two.podAddress), 'ok')
    assert.equal(
      await ping(two.netns, one.podAddress),
      'ok',
      'from a node, whose source is the tunnel address',
    )
    await transfer(one, two, 7001)
    await transfer(two, one, 7002)
    assert.deepEqual([tcpChecksumErrors(one), tcpChecksumErrors(two)], [0, 0])

    using client = one.connect()
    const status = await client.status()
    assert.equal(status.queues, queues)
    const [peer] = status.peers
    assert.ok(peer !== undefined)
    assert.deepEqual({ address: peer.address, port: peer.port }, { address: two.address, port: PORT })
    assert.ok(peer.sentBytes > BigInt(STREAM) && peer.receivedBytes > BigInt(STREAM))
    assert.ok(
      peer.sentPackets > BigInt(Math.floor(STREAM / MTU)),
      'packets are counted as they are on the wire',
    )
  })
}

/** Starts the loop in the node's namespace; it is killed when disposed. */
async function startLoop(node: UdpNode, other: UdpNode) {
  const where = `--net=/proc/${process.pid}/fd/${node.netns.fds.netns}`
  const program = buildProgram('udp-loop')
  const args = ['flannel0', node.address, String(PORT), `${other.block}=${other.address}`]
  const child = spawn('nsenter', [where, program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  node.setUpDevice()
  return { [Symbol.dispose]: () => void child.kill('SIGKILL') }
}

test('a peer that carries one packet at a time gets and gives the same', async () => {
  using pair = new UdpPair()
  const { one, two } = pair
  await one.carry()
  await one.know([two.peer])
  using _loop = await startLoop(two, one)
  assert.equal(await ping(one.pod, two.podAddress), 'ok')
  await transfer(one, two, 7001)
  await transfer(two, one, 7002)
  assert.deepEqual([tcpChecksumErrors(one), tcpChecksumErrors(two)], [0, 0])
})

/** Numbered datagrams, each of which must arrive whole and in order; the kernel gets many at once to cut (USO). */
async function datagrams(from: UdpNode, to: UdpNode, size: number): Promise<void> {
  const program = buildProgram('udp-stream')
  const where = `--net=/proc/${process.pid}/fd/${to.pod.fds.netns}`
  const server = spawn('nsenter', [where, program, 'serve', '7000'], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await once(server.stdout, 'data')
    for (const how of ['send', 'send-joined'])
      assert.match(
        inside(from.pod, program, how, to.podAddress, '7000', '5000', String(size), '200'),
        /^\d+$/m,
      )
  } finally {
    server.kill('SIGKILL')
  }
}

for (const size of [33, 1400]) {
  test(`super-packets of UDP arrive as datagrams of ${size} bytes, at either kind of peer`, async () => {
    using pair = new UdpPair()
    const { one, two } = pair
    await one.carry()
    await one.know([two.peer])
    {
      using _loop = await startLoop(two, one)
      await datagrams(one, two, size)
    }
    await two.carry()
    await two.know([one.peer])
    await datagrams(one, two, size)
    using client = one.connect()
    const status = await client.status()
    assert.ok(status.udpSegmentation, 'this kernel has it')
    assert.ok((status.peers[0]?.sentPackets ?? 0n) >= 20_000n, 'packets are counted as they are on the wire')
  })
}

test('where the way is narrower than the tunnel believes, streams still arrive', async () => {
  using pair = new UdpPair()
  await pair.carry()
  for (const { netns } of [pair.one, pair.two]) inside(netns, 'ip', 'link', 'set', 'eth0', 'mtu', '1300')
  await transfer(pair.one, pair.two, 7001)
})

test('who is connected, and which table counts, does not disturb a stream', async () => {
  using pair = new UdpPair()
  await pair.carry()
  const { one, two } = pair
  using server = await receiveStream(two.pod, 7001)
  const sent = sendStream(one.pod, two.podAddress, 7001, 4 * STREAM)
  const others = Array.from({ length: 500 }, (_, n) => ({
    address: `192.168.${100 + (n >> 7)}.${1 + (n & 127)}`,
    port: PORT,
    prefixes: [`10.245.${n >> 1}.${(n & 1) * 128}/25`],
  }))
  for (let revision = 2n; revision < 60n; revision += 1n) {
    // A client of its own each time, as agents that are killed and come back.
    await one.know(revision % 2n === 0n ? [...others, two.peer] : [two.peer], revision)
    await two.know([one.peer], revision)
  }
  await one.configure(1, 9n)
  await sent
  assert.equal(await server.summary, summaryOf(streamOf(4 * STREAM)))
  using client = one.connect()
  const status = await client.status()
  assert.deepEqual([status.configurationRevision, status.tableRevision], [9n, 59n])
  assert.ok(
    (status.peers[0]?.sentBytes ?? 0n) > BigInt(4 * STREAM),
    'a peer keeps its counters from table to table',
  )
})

test('a process that is killed is followed by another that carries on', async () => {
  using pair = new UdpPair()
  await pair.carry()
  const { one, two } = pair
  await one.end('SIGKILL')
  await one.carry()
  await one.know([two.peer])
  assert.equal(await ping(one.pod, two.podAddress), 'ok')
})
