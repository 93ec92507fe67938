/** The control socket of the UDP tunnel process: what it refuses, whom it hears, how it ends. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs'
import { createConnection } from 'node:net'
import { afterEach, beforeEach, test } from 'node:test'
import { hasCode, systemClock } from '../../src/base/index.ts'
import { closeFd, connectUnix, openTun, socketIn } from '../../src/sys/index.ts'
import {
  openTunnelQueues,
  startTunnelProcess,
  type TunnelConfiguration,
  tunnelProgram,
} from '../../src/tunnel/index.ts'
import { ping } from './ping.ts'
import { PORT, type UdpNode, UdpPair } from './udp-nodes.ts'
import { lcg } from './udp-random.ts'

let pair: UdpPair
let node: UdpNode

beforeEach(async () => {
  pair = new UdpPair()
  node = pair.one
  await pair.carry()
})

afterEach(() => pair[Symbol.dispose]())

/** Sends one frame as it is; the words of the refusal, `hung up`, or the kind of the reply. */
async function say(payload: Uint8Array, fds: readonly number[] = []): Promise<string> {
  const connection = connectUnix(node.socketPath)
  const { promise, resolve } = Promise.withResolvers<string>()
  connection.onFrame(reply =>
    resolve(reply[1] === 0x81 ? Buffer.from(reply.subarray(2)).toString() : `kind ${reply[1]}`),
  )
  connection.onClose(() => resolve('hung up'))
  try {
    if (fds.length > 0) connection.sendWithFds(payload, fds)
    else connection.send(payload)
    return await promise
  } finally {
    connection.close()
  }
}

const bytes = (...parts: readonly (string | number)[]) =>
  Buffer.concat(
    parts.map(part =>
      typeof part === 'string' ? Buffer.from(part.replaceAll(' ', ''), 'hex') : Buffer.alloc(part),
    ),
  )

test('a frame that is no request gets words and changes nothing', async () => {
  const before = await revisions()
  const table = '0102 0000000000000009'
  const cases: readonly (readonly [Buffer, RegExp])[] = [
    [bytes('01'), /more bytes/],
    [bytes('0203'), /version 1, got 2/],
    [bytes('0109'), /kind 1 to 3, got 9/],
    [bytes('0103 00'), /no bytes behind the message, got 1/],
    [bytes('0101'), /more bytes/],
    [bytes('0101 0000000000000000 0af40100 05c0 01'), /revision that is not 0/],
    [bytes('0101 0000000000000009 7f000001 05c0 01'), /tunnel address/],
    [bytes('0101 0000000000000009 0af40100 0010 01'), /MTU of 576 to 65507 bytes, got 16/],
    [bytes('0101 0000000000000009 0af40100 05c0 00'), /1 to 16 queues, got 0/],
    [bytes('0101 0000000000000009 0af40100 05c0 02'), /4 descriptors, two a queue, got 0/],
    [bytes('0102 0000000000000000 0000 0000'), /revision that is not 0/],
    [bytes(table, '0001 0af4010018'), /more bytes/],
    [bytes(table, '0000 0000 00'), /no bytes behind/],
    [bytes(table, '0001 0af4010118 0000'), /without host bits, got 10\.244\.1\.1\/24/],
    [bytes(table, '0001 0af4010021 0000'), /got 10\.244\.1\.0\/33/],
    [bytes(table, '0000 0001 e0000001 205d 0000'), /host, got 224\.0\.0\.1 port 8285/],
    [bytes(table, '0000 0001 c0a84d02 0000 0000'), /got 192\.168\.77\.2 port 0/],
    [
      bytes(table, '0000 0002 c0a84d02 205d 0000 c0a84d02 205d 0000'),
      /every peer once, got 192\.168\.77\.2 port 8285/,
    ],
    [
      bytes(table, '0001 0af4010018 0001 c0a84d02 205d 0001 0af4010018'),
      /every prefix once, got 10\.244\.1\.0/,
    ],
    [bytes(table, '0000 4001'), /at most 16384 peers/],
    [bytes(table, 'ffff', 5 * 65535, '0000'), /at most 32768 prefixes|more bytes/],
  ]
  for (const [frame, expected] of cases)
    assert.match(await say(frame), expected, frame.toString('hex').slice(0, 80))
  assert.deepEqual(await revisions(), before)
  assert.equal(await ping(node.pod, pair.two.podAddress), 'ok')
})

async function revisions() {
  using client = node.connect()
  const { configurationRevision, tableRevision, queues } = await client.status()
  return { configurationRevision, tableRevision, queues }
}

/** Matches a refusal by its words. */
const refused = (expected: RegExp) => (error: unknown) =>
  hasCode(error, 'tunnel.refused') && expected.test(error.message)

test('descriptors that are not what they should be are refused', async () => {
  const endpoint = { address: node.address, port: PORT + 1 }
  using opened = openTunnelQueues({ device: 'other0', endpoint, count: 1, netns: node.netns })
  const [queue] = opened.queues
  assert.ok(queue !== undefined)
  const plain = openTun('plain0', { netns: node.netns })
  const unbound = socketIn(node.netns, 'inet', 'datagram')
  const stream = socketIn(node.netns, 'inet', 'stream')
  const file = openSync('/dev/null', 'r')
  using client = node.connect()
  const configure = (queues: TunnelConfiguration['queues']) =>
    client.configure({ revision: 9n, tunnelAddress: '10.244.1.0', mtu: 1472, queues })
  try {
    await assert.rejects(configure([{ ...queue, tunFd: file }]), refused(/queue of a TUN device/))
    await assert.rejects(configure([{ ...queue, tunFd: plain.fd }]), refused(/IFF_VNET_HDR/))
    await assert.rejects(configure([{ ...queue, udpFd: file }]), refused(/IPv4 UDP socket/))
    await assert.rejects(configure([{ ...queue, udpFd: stream }]), refused(/IPv4 UDP socket/))
    await assert.rejects(configure([{ ...queue, udpFd: unbound }]), refused(/bound to a port/))
    assert.match(await say(bytes('0103'), [file]), /no descriptors, got 1/)
    assert.match(
      await say(
        bytes('0101 0000000000000009 0af40100 05c0 01'),
        Array.from({ length: 3 }, () => file),
      ),
      /2 descriptors, two a queue, got 3/,
    )
  } finally {
    plain.close()
    closeFd(unbound)
    closeFd(stream)
    closeSync(file)
  }
  assert.equal((await revisions()).configurationRevision, 1n)
  assert.equal(await ping(node.pod, pair.two.podAddress), 'ok')
})

test('frames that are too long or empty end the connection, and others go on being heard', async () => {
  using client = node.connect()
  for (const length of [0, (1 << 20) + 1, 0xffff_ffff]) {
    const head = Buffer.alloc(4)
    head.writeUInt32BE(length)
    const raw = createConnection(node.socketPath)
    raw.write(head)
    await once(raw, 'close')
  }
  assert.equal((await client.status()).tableRevision, 1n)
})

test('random frames are answered or hung up on', async () => {
  const random = lcg(7)
  const seeds = [
    bytes('0101 0000000000000009 0af40100 05c0 01'),
    bytes('0102 0000000000000009 0001 0af4010018 0001 c0a84d02 205d 0001 0af4020018'),
  ]
  for (let n = 0; n < 300; n += 1) {
    const frame = Buffer.from(seeds[n % 2] ?? '')
    for (let flips = random(3); flips >= 0; flips -= 1) frame[2 + random(frame.length - 2)] = random(256)
    const reply = await say(frame.subarray(0, 1 + random(frame.length)))
    assert.ok(reply === 'kind 128' || reply.startsWith('expected'), reply)
  }
  await node.know([pair.two.peer], 99n)
  assert.equal(await ping(node.pod, pair.two.podAddress), 'ok')
})

test('a client that only connects changes nothing, and more than eight wait', async () => {
  const idle = Array.from({ length: 8 }, () => connectUnix(node.socketPath))
  const late = node.connect()
  const status = late.status()
  assert.equal(await ping(node.pod, pair.two.podAddress), 'ok')
  for (const connection of idle) connection.close()
  assert.equal((await status).tableRevision, 1n)
  late.close()
})

test('the socket is for its user alone, and there is one process for it', async () => {
  assert.equal(statSync(node.socketPath).mode & 0o777, 0o600)
  const options = { program: tunnelProgram(), socketPath: node.socketPath, clock: systemClock }
  await assert.rejects(startTunnelProcess(options), error => hasCode(error, 'tunnel.not-started'))
  await assert.rejects(startTunnelProcess({ ...options, program: '/nonexistent/podlace-udp' }), error =>
    hasCode(error, 'tunnel.not-started'),
  )
  assert.equal((await revisions()).tableRevision, 1n)
})

test('it carries without any capability', () => {
  const status = readFileSync(`/proc/${node.pid}/status`, 'utf8')
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'])
    assert.match(status, new RegExp(`^${set}:\\s+0+$`, 'm'))
  assert.match(status, /^NoNewPrivs:\s+1$/m)
})

test('SIGTERM ends it, with its socket and its device', async () => {
  using client = node.connect()
  const closed = Promise.withResolvers<void>()
  client.onClose(() => closed.resolve())
  await node.end('SIGTERM')
  await closed.promise
  await assert.rejects(client.status(), error => hasCode(error, 'tunnel.closed'))
  assert.equal(existsSync(node.socketPath), false)
  assert.throws(
    () => node.netns.readSysctl('ipv4/conf/flannel0/forwarding'),
    error => hasCode(error, 'sys.enoent'),
  )
})

test('after a kill the next process takes the socket that was left', async () => {
  const { pid } = node
  await node.end('SIGKILL')
  assert.ok(existsSync(node.socketPath))
  await node.carry()
  await node.know([pair.two.peer])
  assert.notEqual(node.pid, pid)
  assert.equal(await ping(node.pod, pair.two.podAddress), 'ok')
})
