/** The UDP tunnel packet by packet: the peer is played by hand, so that every byte is seen and can be made. */
import assert from 'node:assert/strict'
import process from 'node:process'
import { afterEach, beforeEach, test } from 'node:test'
import { encodeUdpIpv4, internetChecksum } from '../../src/packet/index.ts'
import { DatagramSocket, socketIn } from '../../src/sys/index.ts'
import type { DropReason } from '../../src/tunnel/index.ts'
import { eventually } from './agent-nodes.ts'
import { icmp, ipv4 } from './frames.ts'
import { inside, PORT, type UdpNode, UdpPair } from './udp-nodes.ts'
import { decodeSegment, encodeSegment, FLAGS, HandPeer } from './udp-peer.ts'
import { receiveStream, sendStream, streamOf, summaryOf } from './udp-streams.ts'

const ICMP = 1
const UDP = 17
const HAND_POD = '10.244.2.9'

let pair: UdpPair
let node: UdpNode
let peer: HandPeer

beforeEach(async () => {
  pair = new UdpPair()
  node = pair.one
  peer = new HandPeer(pair.two.netns, pair.two.address, node.address)
  await node.carry()
  await node.know([pair.two.peer])
})

afterEach(() => {
  peer[Symbol.dispose]()
  pair[Symbol.dispose]()
})

async function drops(): Promise<Record<string, bigint>> {
  using client = node.connect()
  const { drops: all } = await client.status()
  // The kernel's own IPv6 on the device is not what is tested.
  return Object.fromEntries([...all].filter(([reason, n]) => n > 0n && reason !== 'bad-version'))
}

/** What comes to a UDP port of the pod. */
function listen(port: number) {
  const socket = DatagramSocket.udp(socketIn(node.pod, 'inet', 'datagram'))
  const texts: string[] = []
  socket.bind(node.podAddress, port)
  socket.onMessage(bytes => void texts.push(Buffer.from(bytes).toString()))
  return { texts, send: socket.send.bind(socket), [Symbol.dispose]: () => socket.close() }
}

const datagram = (text: string, ends: { source?: string; target?: string } = {}) =>
  encodeUdpIpv4({
    source: ends.source ?? HAND_POD,
    target: ends.target ?? node.podAddress,
    sourcePort: 4000,
    targetPort: 5000,
    payload: Buffer.from(text),
  })

function withChecksum(packet: Uint8Array): Buffer {
  const bytes = Buffer.from(packet)
  bytes.writeUInt16BE(0, 10)
  bytes.writeUInt16BE(internetChecksum(bytes.subarray(0, (bytes.readUInt8(0) & 0xf) * 4)), 10)
  return bytes
}

function changed(packet: Uint8Array, at: number, value: number): Buffer {
  const bytes = Buffer.from(packet)
  bytes.writeUInt8(value, at)
  return bytes
}

test('what a peer may not send is dropped, counted by reason, and answered with nothing', async () => {
  using pod = listen(5000)
  const good = datagram('good')
  const bad: readonly (readonly [DropReason, Uint8Array])[] = [
    ['truncated', good.subarray(0, 10)],
    ['truncated', good.subarray(0, good.length - 1)],
    ['truncated', withChecksum(changed(good, 0, 0x44))],
    ['truncated', new Uint8Array(0)],
    ['bad-checksum', changed(good, 10, (good[10] ?? 0) ^ 0xff)],
    ['martian', datagram('x', { source: '127.0.0.1' })],
    ['martian', datagram('x', { target: '224.0.0.1' })],
    ['spoofed-source', datagram('x', { source: '10.244.3.1' })],
    ['spoofed-source', datagram('x', { source: node.podAddress })],
    ['not-ours', datagram('x', { target: '10.244.3.1' })],
    ['not-ours', datagram('x', { target: node.address })],
  ]
  for (const [, packet] of bad) peer.send(packet)
  using stranger = new HandPeer(pair.two.netns, pair.two.address, node.address, 9000)
  stranger.send(good)
  peer.send(good)
  await eventually('the good one', () => pod.texts.length > 0)
  assert.deepEqual(pod.texts, ['good'])
  const expected: Record<string, bigint> = { 'unknown-peer': 1n }
  for (const [reason] of bad) expected[reason] = (expected[reason] ?? 0n) + 1n
  assert.deepEqual(await drops(), expected)
  assert.equal(peer.received.length, 0)
  assert.equal(stranger.received.length, 0)
})

test('whatever a peer sends, the process lives and every datagram is accounted for', async () => {
  const random = lcg(42)
  const good = datagram('good')
  const before = await total()
  for (let n = 0; n < 3000; n += 1) {
    const packet = Buffer.from(good)
    for (let flips = random(4); flips >= 0; flips -= 1) packet[random(packet.length)] = random(256)
    peer.send(random(2) === 0 ? withChecksum(packet) : packet.subarray(0, random(packet.length + 1)))
    // The queue of the socket takes so many at a time.
    if (n % 100 === 99) await new Promise(setImmediate)
  }
  await eventually('all 3000 to be counted', async () => (await total()) - before === 3000n)
  using pod = listen(5000)
  peer.send(good)
  await eventually('the good one', () => pod.texts.includes('good'))
})

/** What the work sends waits until all of it is there: so the process takes it at once, and may join it. */
function inOneBatch(work: () => void): void {
  assert.ok(node.pid !== undefined)
  process.kill(node.pid, 'SIGSTOP')
  try {
    work()
  } finally {
    process.kill(node.pid, 'SIGCONT')
  }
}

async function total(): Promise<bigint> {
  using client = node.connect()
  const status = await client.status()
  const received = status.peers.reduce((sum, { receivedPackets }) => sum + receivedPackets, 0n)
  // Answers to garbage (of the pod's kernel) may be dropped on their way out: only these reasons are of the way in.
  const inward: readonly DropReason[] = [
    'truncated',
    'bad-version',
    'bad-checksum',
    'martian',
    'spoofed-source',
    'not-ours',
    'queue-full',
  ]
  return inward.reduce((sum, reason) => sum + (status.drops.get(reason) ?? 0n), received)
}

/** Numbers below `limit` that look random and are the same each time (Numerical Recipes' generator). */
function lcg(seed: number): (limit: number) => number {
  let state = seed
  return limit => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

/** With "do not fragment", as hosts send most: only so may packets of one identification be joined. */
function unfragmented(packet: Uint8Array): Buffer {
  return withChecksum(changed(packet, 6, 0x40))
}

test('time to live counts down on each side, and its end is told by the tunnel', async () => {
  const echo = (ttl: number) =>
    withChecksum(changed(ipv4({ from: HAND_POD, to: node.podAddress }, ICMP, icmpEcho()), 8, ttl))
  const isFrom = (source: string) => (packet: Buffer) => packet.subarray(12, 16).join('.') === source
  // The tunnel takes one, the node another: the pod sees 1.
  peer.send(echo(3))
  const reply = await peer.next('the echo', isFrom(node.podAddress))
  assert.equal(reply.readUInt8(8), 64 - 2, 'the node takes one, the tunnel another')
  peer.send(echo(1))
  const exceeded = await peer.next('time exceeded', isFrom(node.tunnelAddress))
  assert.deepEqual([exceeded.readUInt8(20), exceeded.readUInt8(21)], [11, 0])
  assert.equal(internetChecksum(exceeded.subarray(0, 20)), 0)
  assert.equal(internetChecksum(exceeded.subarray(20)), 0)
  assert.deepEqual(exceeded.subarray(28), echo(1).subarray(0, 28))

  const errors = podErrors()
  node.pod.writeSysctl('ipv4/ip_default_ttl', '2')
  using pod = listen(5000)
  pod.send(Buffer.from('x'), HAND_POD, 9)
  await eventually('time exceeded in the pod', () => errors.has(`11/0 ${node.tunnelAddress}`))
  errors.close()
  assert.deepEqual(await drops(), { 'ttl-exceeded': 2n })
})

function icmpEcho(): Buffer {
  const message = icmp(8)
  message.writeUInt16BE(internetChecksum(message), 2)
  return message
}

/** ICMP errors that reach the pod, as `type/code source`. */
function podErrors() {
  const socket = DatagramSocket.icmp(socketIn(node.pod, 'inet', 'raw', ICMP))
  const seen = new Map<string, Buffer>()
  socket.onMessage((bytes, { address }) => {
    seen.set(`${bytes[0]}/${bytes[1]} ${address}`, Buffer.from(bytes))
  })
  return {
    has: (key: string) => seen.has(key),
    get: (key: string) => seen.get(key),
    close: () => socket.close(),
  }
}

test('what is behind no peer is unreachable, and the tunnel does not carry itself', async () => {
  const errors = podErrors()
  using pod = listen(5000)
  pod.send(Buffer.from('x'), '10.244.77.1', 9)
  await eventually('network unreachable', () => errors.has(`3/0 ${node.tunnelAddress}`))
  await node.know([pair.two.peer, { address: '192.168.88.3', port: PORT, prefixes: ['10.244.3.0/24'] }], 2n)
  inside(node.netns, 'ip', 'route', 'add', '192.168.88.3/32', 'dev', 'flannel0')
  pod.send(Buffer.from('x'), '192.168.88.3', PORT)
  await eventually('the loop to be counted', async () => (await drops())['loop'] === 1n)
  errors.close()
  assert.deepEqual(await drops(), { 'no-route': 1n, loop: 1n })
})

test('a packet that is too large and not to be fragmented is told the size that fits', async () => {
  await node.configure(1, 2n, 1000)
  const errors = podErrors()
  using pod = listen(5000)
  // The kernel sets "do not fragment" while it looks for the size of the path.
  pod.send(Buffer.alloc(1200), HAND_POD, 9)
  await eventually('fragmentation needed', () => errors.has(`3/4 ${node.tunnelAddress}`))
  assert.equal(errors.get(`3/4 ${node.tunnelAddress}`)?.readUInt16BE(6), 1000)
  errors.close()
  assert.deepEqual(await drops(), { 'too-big': 1n })
})

test('of nested prefixes the longest counts, both ways', async () => {
  using inner = new HandPeer(pair.two.netns, pair.two.address, node.address, 9000)
  const { address } = pair.two
  await node.know(
    [
      { address, port: PORT, prefixes: ['10.244.0.0/16', '10.244.2.64/26'] },
      { address, port: 9000, prefixes: ['10.244.2.0/24', '10.244.2.65/32'] },
    ],
    2n,
  )
  using pod = listen(5000)
  const isTo = (target: string) => (packet: Buffer) => packet.subarray(16, 20).join('.') === target
  const places: readonly (readonly [string, HandPeer, HandPeer])[] = [
    ['10.244.0.0', peer, inner],
    ['10.244.2.0', inner, peer],
    ['10.244.2.63', inner, peer],
    ['10.244.2.64', peer, inner],
    ['10.244.2.65', inner, peer],
    ['10.244.2.127', peer, inner],
    ['10.244.2.128', inner, peer],
    ['10.244.3.0', peer, inner],
    ['10.244.255.255', peer, inner],
  ]
  for (const [target, right, wrong] of places) {
    pod.send(Buffer.from('x'), target, 9)
    await right.next(`the packet to ${target}`, isTo(target))
    wrong.send(datagram(`wrong ${target}`, { source: target }))
    right.send(datagram(`right ${target}`, { source: target }))
  }
  await eventually('those that came the right way', () => pod.texts.length === places.length)
  assert.deepEqual(
    pod.texts,
    places.map(([target]) => `right ${target}`),
  )
  assert.deepEqual(await drops(), { 'spoofed-source': BigInt(places.length) })
})

test('fragments, options and other protocols go as they are', async () => {
  const seen: Buffer[] = []
  using pod = listen(5000)
  const ends = { from: HAND_POD, to: node.podAddress }
  const whole = Buffer.from(datagram('in two pieces, the second of which is here'))
  const first = withChecksum(Buffer.concat([whole.subarray(0, 20), whole.subarray(20, 44)]))
  first.writeUInt16BE(44, 2)
  first.writeUInt16BE(0x2000, 6)
  const second = Buffer.concat([whole.subarray(0, 20), whole.subarray(44)])
  second.writeUInt16BE(second.length, 2)
  second.writeUInt16BE(24 / 8, 6)
  peer.send(withChecksum(first))
  peer.send(withChecksum(second))
  await eventually('both pieces', () => pod.texts.length > 0)
  assert.deepEqual(pod.texts, ['in two pieces, the second of which is here'])
  // Router alert (RFC 2113): 24 bytes of header.
  peer.send(ipv4(ends, UDP, whole.subarray(20), { options: Uint8Array.of(0x94, 4, 0, 0) }))
  await eventually('the one with an option', () => pod.texts.length > 1)
  // A datagram that leaves in pieces, since it may be fragmented and is larger than the way.
  node.pod.writeSysctl('ipv4/ip_no_pmtu_disc', '1')
  pod.send(Buffer.alloc(4000, 'z'), HAND_POD, 9)
  for (let pieces = 0; pieces < 3; pieces += 1)
    seen.push(await peer.next('a piece', p => p.readUInt8(9) === UDP))
  for (const piece of seen) {
    assert.equal(piece.readUInt16BE(2), piece.length)
    assert.equal(internetChecksum(piece.subarray(0, 20)), 0)
  }
  assert.deepEqual(await drops(), {})
})

test('a super-packet of TCP leaves as segments that are right byte for byte', async () => {
  const length = 300_000
  const sent = sendStream(node.pod, HAND_POD, 80, length)
  const isTcp = (packet: Buffer) => packet.readUInt8(9) === 6
  const syn = decodeSegment(await peer.next('SYN', isTcp))
  const back = (sequence: number, acknowledged: number, flags: number) =>
    peer.send(
      encodeSegment({
        from: HAND_POD,
        to: node.podAddress,
        sourcePort: syn.targetPort,
        targetPort: syn.sourcePort,
        sequence,
        acknowledged,
        flags,
        payload: new Uint8Array(0),
      }),
    )
  back(1000, syn.sequence + 1, FLAGS.syn | FLAGS.ack)
  const start = syn.sequence + 1
  const data: Buffer[] = []
  let next = start
  let largest = 0
  for (let finished = false; !finished; ) {
    const packet = await peer.next('a segment', isTcp)
    const segment = decodeSegment(packet)
    largest = Math.max(largest, packet.length)
    assert.equal(segment.ttl, 64 - 2)
    if (segment.sequence === next >>> 0) {
      data.push(Buffer.from(segment.payload))
      next += segment.payload.length
      finished = (segment.flags & FLAGS.fin) !== 0
    }
    back(1001, next + (finished ? 1 : 0), finished ? FLAGS.ack | FLAGS.fin : FLAGS.ack)
  }
  await sent
  assert.equal(summaryOf(Buffer.concat(data)), summaryOf(streamOf(length)))
  // 1460 of the smallest header: the peer offered no options, so there are no timestamps.
  assert.ok(largest > 500 && largest <= 1472, `segments of ${largest} bytes`)
})

test('datagrams that were joined arrive one by one, in order, and none is mended', async () => {
  using pod = listen(5000)
  const texts = Array.from({ length: 40 }, (_, n) => `number ${String(n).padStart(2, '0')}`)
  inOneBatch(() => {
    for (const [n, text] of texts.entries()) {
      const packet = unfragmented(datagram(text))
      peer.send(n === 20 ? changed(packet, packet.length - 1, 0) : packet)
      // One that is longer, and one of another flow, in between.
      if (n === 30) peer.send(unfragmented(datagram('a longer one between them')))
      if (n === 35) peer.send(datagram('other', { source: '10.244.2.8' }))
    }
  })
  const expected = texts.filter((_, n) => n !== 20)
  expected.splice(30, 0, 'a longer one between them')
  await eventually('all of them', () => pod.texts.length === expected.length + 1)
  assert.deepEqual(
    pod.texts.filter(text => text !== 'other'),
    expected,
  )
})

test('a segment with a wrong checksum is not mended by joining it with others', async () => {
  using server = await receiveStream(node.pod, 7001)
  const data = streamOf(40_000)
  const size = 1000
  const segment = (
    sequence: number,
    acknowledged: number,
    flags: number,
    payload: Uint8Array = new Uint8Array(0),
  ) =>
    encodeSegment({
      from: HAND_POD,
      to: node.podAddress,
      sourcePort: 4000,
      targetPort: 7001,
      sequence,
      acknowledged,
      flags,
      payload,
    })
  peer.send(segment(0, 0, FLAGS.syn))
  const answer = decodeSegment(await peer.next('SYN and ACK', p => p.readUInt8(9) === 6))
  const theirs = answer.sequence + 1
  const sendFrom = (spoiled: number) => {
    inOneBatch(() => {
      for (let at = 0; at < data.length; at += size) {
        const packet = unfragmented(segment(1 + at, theirs, FLAGS.ack, data.subarray(at, at + size)))
        peer.send(at === spoiled ? changed(packet, packet.length - 1, (packet.at(-1) ?? 0) ^ 1) : packet)
      }
    })
  }
  sendFrom(7 * size)
  sendFrom(-1)
  await eventually('all to be acknowledged', () =>
    peer.received.some(packet => decodeSegment(packet).acknowledged === 1 + data.length),
  )
  peer.send(segment(1 + data.length, theirs, FLAGS.ack | FLAGS.fin))
  assert.equal(await server.summary, summaryOf(data))
  const lines = inside(node.pod, 'cat', '/proc/net/snmp')
    .split('\n')
    .filter(line => line.startsWith('Tcp:'))
  const [names = [], values = []] = lines.map(line => line.split(' '))
  assert.equal(values[names.indexOf('InCsumErrors')], '1')
})
