/** Where the UDP tunnel takes packets, and what it tells of those that it cannot take anywhere. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { internetChecksum } from '../../src/packet/index.ts'
import { eventually } from './agent-nodes.ts'
import { icmp, ipv4 } from './frames.ts'
import { changed, HAND_POD, HandPeer, HandWorld, isFrom, isTo, withChecksum } from './udp-by-hand.ts'
import { inside, PORT } from './udp-nodes.ts'

const ICMP = 1
const UDP = 17

let hand: HandWorld

beforeEach(async () => {
  hand = await HandWorld.start()
})

afterEach(() => hand[Symbol.dispose]())

test('time to live counts down on each side, and its end is told by the tunnel', async () => {
  const echo = (ttl: number) =>
    withChecksum(changed(ipv4({ from: HAND_POD, to: hand.node.podAddress }, ICMP, icmpEcho()), 8, ttl))
  // The tunnel takes one, the node another: the pod sees 1.
  hand.peer.send(echo(3))
  const reply = await hand.peer.next('the echo', isFrom(hand.node.podAddress))
  assert.equal(reply.readUInt8(8), 64 - 2, 'the node takes one, the tunnel another')
  hand.peer.send(echo(1))
  const exceeded = await hand.peer.next('time exceeded', isFrom(hand.node.tunnelAddress))
  assert.deepEqual([exceeded.readUInt8(20), exceeded.readUInt8(21)], [11, 0])
  assert.equal(internetChecksum(exceeded.subarray(0, 20)), 0)
  assert.equal(internetChecksum(exceeded.subarray(20)), 0)
  assert.deepEqual(exceeded.subarray(28), echo(1).subarray(0, 28))

  using errors = hand.podErrors()
  hand.node.pod.writeSysctl('ipv4/ip_default_ttl', '2')
  using pod = hand.listen(5000)
  pod.send(Buffer.from('x'), HAND_POD, 9)
  await eventually('time exceeded in the pod', () => errors.seen.has(`11/0 ${hand.node.tunnelAddress}`))
  assert.deepEqual(await hand.drops(), { 'ttl-exceeded': 2n })
})

function icmpEcho(): Buffer {
  const message = icmp(8)
  message.writeUInt16BE(internetChecksum(message), 2)
  return message
}

test('what is behind no peer is unreachable, and the tunnel does not carry itself', async () => {
  using errors = hand.podErrors()
  using pod = hand.listen(5000)
  pod.send(Buffer.from('x'), '10.244.77.1', 9)
  await eventually('network unreachable', () => errors.seen.has(`3/0 ${hand.node.tunnelAddress}`))
  await hand.node.know(
    [hand.pair.two.peer, { address: '192.168.88.3', port: PORT, prefixes: ['10.244.3.0/24'] }],
    2n,
  )
  inside(hand.node.netns, 'ip', 'route', 'add', '192.168.88.3/32', 'dev', 'flannel0')
  pod.send(Buffer.from('x'), '192.168.88.3', PORT)
  await eventually('the loop to be counted', async () => (await hand.drops())['loop'] === 1n)
  assert.deepEqual(await hand.drops(), { 'no-route': 1n, loop: 1n })
})

test('a packet that is too large and not to be fragmented is told the size that fits', async () => {
  await hand.node.configure(1, 2n, 1000)
  using errors = hand.podErrors()
  using pod = hand.listen(5000)
  // The kernel sets "do not fragment" while it looks for the size of the path.
  pod.send(Buffer.alloc(1200), HAND_POD, 9)
  await eventually('fragmentation needed', () => errors.seen.has(`3/4 ${hand.node.tunnelAddress}`))
  assert.equal(errors.seen.get(`3/4 ${hand.node.tunnelAddress}`)?.readUInt16BE(6), 1000)
  assert.deepEqual(await hand.drops(), { 'too-big': 1n })
})

test('of nested prefixes the longest counts, both ways', async () => {
  using inner = new HandPeer(hand.pair.two.netns, hand.pair.two.address, hand.node.address, 9000)
  const { address } = hand.pair.two
  await hand.node.know(
    [
      { address, port: PORT, prefixes: ['10.244.0.0/16', '10.244.2.64/26'] },
      { address, port: 9000, prefixes: ['10.244.2.0/24', '10.244.2.65/32'] },
    ],
    2n,
  )
  using pod = hand.listen(5000)
  const places: readonly (readonly [string, HandPeer, HandPeer])[] = [
    ['10.244.0.0', hand.peer, inner],
    ['10.244.2.0', inner, hand.peer],
    ['10.244.2.63', inner, hand.peer],
    ['10.244.2.64', hand.peer, inner],
    ['10.244.2.65', inner, hand.peer],
    ['10.244.2.127', hand.peer, inner],
    ['10.244.2.128', inner, hand.peer],
    ['10.244.3.0', hand.peer, inner],
    ['10.244.255.255', hand.peer, inner],
  ]
  for (const [target, right, wrong] of places) {
    pod.send(Buffer.from('x'), target, 9)
    await right.next(`the packet to ${target}`, isTo(target))
    wrong.send(hand.datagram(`wrong ${target}`, { source: target }))
    right.send(hand.datagram(`right ${target}`, { source: target }))
  }
  await eventually('those that came the right way', () => pod.texts.length === places.length)
  assert.deepEqual(
    pod.texts,
    places.map(([target]) => `right ${target}`),
  )
  assert.deepEqual(await hand.drops(), { 'spoofed-source': BigInt(places.length) })
})

test('fragments, options and other protocols go as they are', async () => {
  const seen: Buffer[] = []
  using pod = hand.listen(5000)
  const ends = { from: HAND_POD, to: hand.node.podAddress }
  const whole = Buffer.from(hand.datagram('in two pieces, the second of which is here'))
  const first = withChecksum(Buffer.concat([whole.subarray(0, 20), whole.subarray(20, 44)]))
  first.writeUInt16BE(44, 2)
  first.writeUInt16BE(0x2000, 6)
  const second = Buffer.concat([whole.subarray(0, 20), whole.subarray(44)])
  second.writeUInt16BE(second.length, 2)
  second.writeUInt16BE(24 / 8, 6)
  hand.peer.send(withChecksum(first))
  hand.peer.send(withChecksum(second))
  await eventually('both pieces', () => pod.texts.length > 0)
  assert.deepEqual(pod.texts, ['in two pieces, the second of which is here'])
  // Router alert (RFC 2113): 24 bytes of header.
  hand.peer.send(ipv4(ends, UDP, whole.subarray(20), { options: Uint8Array.of(0x94, 4, 0, 0) }))
  await eventually('the one with an option', () => pod.texts.length > 1)
  // A datagram that leaves in pieces, since it may be fragmented and is larger than the way.
  hand.node.pod.writeSysctl('ipv4/ip_no_pmtu_disc', '1')
  pod.send(Buffer.alloc(4000, 'z'), HAND_POD, 9)
  for (let pieces = 0; pieces < 3; pieces += 1)
    seen.push(await hand.peer.next('a piece', p => p.readUInt8(9) === UDP))
  for (const piece of seen) {
    assert.equal(piece.readUInt16BE(2), piece.length)
    assert.equal(internetChecksum(piece.subarray(0, 20)), 0)
  }
  assert.deepEqual(await hand.drops(), {})
})
