/** Super-packets of the UDP tunnel, byte by byte: what it cuts, and what it joins. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { eventually } from './agent-nodes.ts'
import { changed, HAND_POD, HandWorld, unfragmented } from './udp-by-hand.ts'
import { tcpChecksumErrors } from './udp-nodes.ts'
import { decodeSegment, encodeSegment, FLAGS, isTcp } from './udp-segment.ts'
import { receiveStream, sendStream, streamOf, summaryOf } from './udp-streams.ts'

let hand: HandWorld

beforeEach(async () => {
  hand = await HandWorld.start()
})

afterEach(() => hand[Symbol.dispose]())

test('a super-packet of TCP leaves as segments that are right byte for byte', async () => {
  const length = 300_000
  const sent = sendStream(hand.node.pod, HAND_POD, 80, length)
  const syn = decodeSegment(await hand.peer.next('SYN', isTcp))
  const back = (sequence: number, acknowledged: number, flags: number) =>
    hand.peer.send(
      encodeSegment({
        from: HAND_POD,
        to: hand.node.podAddress,
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
    const packet = await hand.peer.next('a segment', isTcp)
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
  using pod = hand.listen(5000)
  const texts = Array.from({ length: 40 }, (_, n) => `number ${String(n).padStart(2, '0')}`)
  hand.inOneBatch(() => {
    for (const [n, text] of texts.entries()) {
      const packet = unfragmented(hand.datagram(text))
      hand.peer.send(n === 20 ? changed(packet, packet.length - 1, 0) : packet)
      // One that is longer, and one of another flow, in between.
      if (n === 30) hand.peer.send(unfragmented(hand.datagram('a longer one between them')))
      if (n === 35) hand.peer.send(hand.datagram('other', { source: '10.244.2.8' }))
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
  using server = await receiveStream(hand.node.pod, 7001)
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
      to: hand.node.podAddress,
      sourcePort: 4000,
      targetPort: 7001,
      sequence,
      acknowledged,
      flags,
      payload,
    })
  hand.peer.send(segment(0, 0, FLAGS.syn))
  const answer = decodeSegment(await hand.peer.next('SYN and ACK', p => p.readUInt8(9) === 6))
  const theirs = answer.sequence + 1
  const sendFrom = (spoiled: number) => {
    hand.inOneBatch(() => {
      for (let at = 0; at < data.length; at += size) {
        const packet = unfragmented(segment(1 + at, theirs, FLAGS.ack, data.subarray(at, at + size)))
        hand.peer.send(at === spoiled ? changed(packet, packet.length - 1, (packet.at(-1) ?? 0) ^ 1) : packet)
      }
    })
  }
  sendFrom(7 * size)
  sendFrom(-1)
  await eventually('all to be acknowledged', () =>
    hand.peer.received.some(packet => decodeSegment(packet).acknowledged === 1 + data.length),
  )
  hand.peer.send(segment(1 + data.length, theirs, FLAGS.ack | FLAGS.fin))
  assert.equal(await server.summary, summaryOf(data))
  assert.equal(tcpChecksumErrors(hand.node), 1)
})
