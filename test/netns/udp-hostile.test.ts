/** The UDP tunnel against peers and strangers that send what they may not. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import type { DropReason } from '../../src/tunnel/index.ts'
import { eventually } from './agent-nodes.ts'
import { changed, HandPeer, HandWorld, withChecksum } from './udp-by-hand.ts'
import { lcg } from './udp-random.ts'

let hand: HandWorld

beforeEach(async () => {
  hand = await HandWorld.start()
})

afterEach(() => hand[Symbol.dispose]())

test('what a peer may not send is dropped, counted by reason, and answered with nothing', async () => {
  using pod = hand.listen(5000)
  const good = hand.datagram('good')
  const bad: readonly (readonly [DropReason, Uint8Array])[] = [
    ['truncated', good.subarray(0, 10)],
    ['truncated', good.subarray(0, good.length - 1)],
    ['truncated', withChecksum(changed(good, 0, 0x44))],
    ['truncated', new Uint8Array(0)],
    ['bad-checksum', changed(good, 10, (good[10] ?? 0) ^ 0xff)],
    ['martian', hand.datagram('x', { source: '127.0.0.1' })],
    ['martian', hand.datagram('x', { target: '224.0.0.1' })],
    ['spoofed-source', hand.datagram('x', { source: '10.244.3.1' })],
    ['spoofed-source', hand.datagram('x', { source: hand.node.podAddress })],
    ['not-ours', hand.datagram('x', { target: '10.244.3.1' })],
    ['not-ours', hand.datagram('x', { target: hand.node.address })],
  ]
  for (const [, packet] of bad) hand.peer.send(packet)
  using stranger = new HandPeer(hand.pair.two.netns, hand.pair.two.address, hand.node.address, 9000)
  stranger.send(good)
  hand.peer.send(good)
  await eventually('the good one', () => pod.texts.length > 0)
  assert.deepEqual(pod.texts, ['good'])
  const expected: Record<string, bigint> = { 'unknown-peer': 1n }
  for (const [reason] of bad) expected[reason] = (expected[reason] ?? 0n) + 1n
  assert.deepEqual(await hand.drops(), expected)
  assert.equal(hand.peer.received.length, 0)
  assert.equal(stranger.received.length, 0)
})

test('whatever a peer sends, the process lives and every datagram is accounted for', async () => {
  const random = lcg(42)
  const good = hand.datagram('good')
  const before = await total()
  for (let n = 0; n < 3000; n += 1) {
    const packet = Buffer.from(good)
    for (let flips = random(4); flips >= 0; flips -= 1) packet[random(packet.length)] = random(256)
    hand.peer.send(random(2) === 0 ? withChecksum(packet) : packet.subarray(0, random(packet.length + 1)))
    // The queue of the socket takes so many at a time.
    if (n % 100 === 99) await new Promise(setImmediate)
  }
  await eventually('all 3000 to be counted', async () => (await total()) - before === 3000n)
  using pod = hand.listen(5000)
  hand.peer.send(good)
  await eventually('the good one', () => pod.texts.includes('good'))
})

async function total(): Promise<bigint> {
  using client = hand.node.connect()
  const status = await client.status()
  const received = status.peers.reduce((sum, { receivedPackets }) => sum + receivedPackets, 0n)
  // Answers to garbage (of the pod's kernel) may be dropped on their way out: only these reasons are of the way in.
  const inward: readonly DropReason[] = [
    'truncated',
    'bad-version',
    'bad-checksum',
    'martian',
    'ttl-exceeded',
    'spoofed-source',
    'not-ours',
    'queue-full',
  ]
  return inward.reduce((sum, reason) => sum + (status.drops.get(reason) ?? 0n), received)
}
