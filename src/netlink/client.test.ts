import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode } from '../base/index.ts'
import { NetlinkClient } from './client.ts'
import { acknowledgement, dumpEnd, dumpPart, FakeTransport } from './fake-transport.ts'
import { encodeMessage, type Message, NLM_F_ACK, NLM_F_DUMP_INTR, type Request } from './messages.ts'
import { DATAGRAM_BYTES_MAX, DATAGRAM_REQUESTS_MAX } from './packing.ts'
import type { Reply } from './replies.ts'
import { listRoutes } from './route-requests.ts'

function request(number: number, more: Partial<Request> = {}): Request {
  return {
    type: 16,
    flags: 0,
    body: Uint8Array.of(number & 0xff, number >> 8, 0, 0),
    what: `change ${number}`,
    ...more,
  }
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => request(i))
const large = (bytes: number) => request(0, { body: new Uint8Array(bytes) })
const forgives = (errno: number) => errno === 2
const codes = (replies: readonly Reply[]) => replies.map(reply => (reply.ok ? 'ok' : reply.error.code))

test('replies belong to their requests, whatever order they come in', async () => {
  const late: Uint8Array[] = []
  const transport = new FakeTransport(message => {
    const answer = acknowledgement(
      message,
      message.body[0] === 1 ? 17 : 0,
      message.body[0] === 1 ? 'taken' : undefined,
      20,
    )
    late.unshift(answer)
    return message.body[0] === 2 ? late : []
  })
  const replies = await new NetlinkClient(transport).send(numbered(3))
  assert.deepEqual(codes(replies), ['ok', 'netlink.eexist', 'ok'])
  const refusal = replies[1]
  assert.ok(refusal?.ok === false)
  assert.deepEqual(refusal.error.payload, { code: 'netlink.eexist', errno: 17, extAck: 'taken', offset: 20 })
  assert.match(refusal.error.message, /^change 1: the kernel refuses with EEXIST and says "taken"/)
})

test('a request that is not answered is an error, and its neighbours are not', async () => {
  const transport = new FakeTransport(message => (message.body[0] === 1 ? [] : [acknowledgement(message)]))
  const replies = await new NetlinkClient(transport).send(numbered(3))
  assert.deepEqual(codes(replies), ['ok', 'netlink.no-reply', 'ok'])
})

test('what the request forgives is no refusal, and anything else is one', async () => {
  const transport = new FakeTransport(message => [acknowledgement(message, message.body[0] === 0 ? 2 : 1)])
  const client = new NetlinkClient(transport)
  const replies = await client.send([request(0, { forgives }), request(1, { forgives }), request(0)])
  assert.deepEqual(codes(replies), ['ok', 'netlink.eperm', 'netlink.enoent'])
})

test('answers to somebody else, or to a request of before, are left out', async () => {
  const transport = new FakeTransport(message => {
    const old: Message = { ...message, sequence: message.sequence - 1 }
    return [acknowledgement(old, 1), acknowledgement(message)]
  })
  const client = new NetlinkClient(transport)
  assert.deepEqual(codes(await client.send([request(0)])), ['ok'])
  assert.deepEqual(codes(await client.send([request(1)])), ['ok'])
})

test('a get gives its message, and the acknowledgement behind it is not one', async () => {
  const transport = new FakeTransport(message => [
    dumpPart(message, 16, Uint8Array.of(7, 0, 0, 0)),
    acknowledgement(message),
  ])
  const [reply] = await new NetlinkClient(transport).send([request(0)])
  assert.ok(reply?.ok)
  assert.deepEqual(
    reply.messages.map(({ type, body }) => [type, body[0]]),
    [[16, 7]],
  )
})

test('many requests go in few datagrams, in order, slow ones apart and in a thread', async () => {
  const transport = new FakeTransport(message => [acknowledgement(message)])
  const requests = [
    ...numbered(300),
    request(300, { slow: true }),
    request(301, { slow: true }),
    request(302),
  ]
  const replies = await new NetlinkClient(transport).send(requests)
  assert.ok(replies.length === 303 && replies.every(reply => reply.ok))
  const first = DATAGRAM_REQUESTS_MAX
  assert.deepEqual(
    transport.sent.map(({ messages, inThread }) => [messages.length, inThread]),
    [
      [first, false],
      [first, false],
      [300 - 2 * first, false],
      [2, true],
      [1, false],
    ],
  )
  const order = transport.sent.flatMap(({ messages }) =>
    messages.map(({ body }) => (body[0] ?? 0) + 256 * (body[1] ?? 0)),
  )
  assert.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
  )
})

test('a datagram stays below its limit, and a request above it goes alone', async () => {
  const sizes: number[] = []
  const transport = new FakeTransport(message => [acknowledgement(message)])
  const counting = {
    exchange: (bytes: Uint8Array) => {
      sizes.push(bytes.length)
      return transport.exchange(bytes)
    },
    exchangeInThread: (bytes: Uint8Array) => transport.exchangeInThread(bytes),
    exchangeAside: (bytes: Uint8Array) => transport.exchangeAside(bytes),
    close: () => undefined,
  }
  const replies = await new NetlinkClient(counting).send([
    large(40_000),
    large(40_000),
    large(100_000),
    large(4),
  ])
  assert.ok(replies.every(reply => reply.ok))
  assert.deepEqual(sizes, [40_016, 40_016, 100_016, 20])
  assert.ok(DATAGRAM_BYTES_MAX < 80_000)
})

test('a transport that fails, or speaks nonsense, is an error of each request', async () => {
  const broken = new FakeTransport(() => {
    throw new Error('ENOBUFS')
  })
  assert.deepEqual(codes(await new NetlinkClient(broken).send(numbered(2))), [
    'netlink.transport',
    'netlink.transport',
  ])
  const nonsense = new FakeTransport(() => [Uint8Array.of(1, 2, 3)])
  assert.deepEqual(codes(await new NetlinkClient(nonsense).send([request(0)])), ['netlink.malformed'])
  await assert.rejects(new NetlinkClient(broken).dump(request(0)), error =>
    hasCode(error, 'netlink.transport'),
  )
})

test('calls that overlap are carried out one after another', async () => {
  const transport = new FakeTransport(message => [acknowledgement(message)])
  const client = new NetlinkClient(transport)
  await Promise.all([
    client.send([request(1, { slow: true })]),
    client.send([request(2)]),
    client.send([request(3)]),
  ])
  assert.deepEqual(
    transport.sent.map(({ messages }) => messages[0]?.body[0]),
    [1, 2, 3],
  )
  const sequences = transport.sent.flatMap(({ messages }) => messages.map(({ sequence }) => sequence))
  assert.equal(new Set(sequences).size, 3)
})

test('a dump that was interrupted is repeated, and what the first one gave is forgotten', async () => {
  let attempts = 0
  const transport = new FakeTransport(message => {
    attempts += 1
    const flags = attempts < 3 ? NLM_F_DUMP_INTR : 0
    const body = Uint8Array.of(attempts, 0, 0, 0)
    return attempts === 1
      ? [dumpPart(message, 16, body, flags), dumpEnd(message)]
      : [dumpPart(message, 16, body), dumpEnd(message, 0, flags)]
  })
  const messages = await new NetlinkClient(transport).dump(request(0))
  assert.deepEqual([attempts, messages.map(({ body }) => body[0])], [3, [3]])
})

test('a dump that never comes out whole ends with an error', async () => {
  const transport = new FakeTransport(message => [dumpEnd(message, 0, NLM_F_DUMP_INTR)])
  await assert.rejects(new NetlinkClient(transport).dump(request(0)), error =>
    hasCode(error, 'netlink.interrupted'),
  )
  assert.equal(transport.sent.length, 20)
})

test('a dump gives only the messages that were meant', async () => {
  const transport = new FakeTransport(message => [
    ...[2, 128, 10].map(family => dumpPart(message, 24, Uint8Array.of(family, 0, 0, 0))),
    dumpEnd(message),
  ])
  const messages = await new NetlinkClient(transport).dump(listRoutes())
  assert.deepEqual(
    messages.map(({ body }) => body[0]),
    [2, 10],
  )
})

test('a dump may fail at its start, at its end, or not end', async () => {
  const cases: [string, (message: Message) => Uint8Array[]][] = [
    ['netlink.eopnotsupp', message => [acknowledgement(message, 95)]],
    ['netlink.enoent', message => [dumpPart(message, 24, new Uint8Array(4)), dumpEnd(message, 2)]],
    ['netlink.no-reply', message => [dumpPart(message, 24, new Uint8Array(4))]],
  ]
  for (const [code, answer] of cases) {
    await assert.rejects(new NetlinkClient(new FakeTransport(answer)).dump(request(0)), error =>
      hasCode(error, code),
    )
  }
})

const BATCH_BEGIN = 16
const BATCH_END = 17
const isChange = ({ type }: Message) => type !== BATCH_BEGIN && type !== BATCH_END
const nftRequest = (number: number) => request(number, { type: 0xa00 })

test('a batch asks for one acknowledgement, of its last request', async () => {
  const transport = new FakeTransport(message =>
    (message.flags & NLM_F_ACK) === 0 ? [] : [acknowledgement(message)],
  )
  const replies = await new NetlinkClient(transport).batch([nftRequest(0), nftRequest(1)])
  assert.deepEqual(codes(replies), ['ok', 'ok'])
  assert.deepEqual(
    transport.sent.map(({ messages }) => messages.map(({ type }) => type)),
    [[BATCH_BEGIN, 0xa00, 0xa00, BATCH_END]],
  )
})

test('a refused message takes the whole batch with it, and says which it was', async () => {
  const transport = new FakeTransport(message =>
    isChange(message) && message.body[0] === 1 ? [acknowledgement(message, 2)] : [],
  )
  const replies = await new NetlinkClient(transport).batch([nftRequest(0), nftRequest(1), nftRequest(2)])
  assert.deepEqual(codes(replies), ['netlink.rolled-back', 'netlink.enoent', 'netlink.rolled-back'])
  const [first] = replies
  assert.match(first?.ok === false ? first.error.message : '', /refused: change 1: .*ENOENT/)
})

test('a batch that is refused at its begin, and one without any answer', async () => {
  const forbidden = new FakeTransport(message =>
    message.type === BATCH_BEGIN ? [acknowledgement(message, 1)] : [],
  )
  assert.deepEqual(codes(await new NetlinkClient(forbidden).batch([nftRequest(0)])), ['netlink.eperm'])
  const silent = new FakeTransport(() => [])
  assert.deepEqual(codes(await new NetlinkClient(silent).batch([nftRequest(0)])), ['netlink.no-reply'])
  assert.deepEqual(await new NetlinkClient(silent).batch([]), [])
})

test('an acknowledgement with the request repeated in it (NETLINK_CAP_ACK off) is read too', async () => {
  const transport = new FakeTransport(message => {
    const capped = acknowledgement(message, 22, 'why')
    // Header, error code and request header; then the body of the request; then the text.
    const parts = [capped.subarray(16, 36), message.body, capped.subarray(36)]
    const body = Uint8Array.from(parts.flatMap(part => [...part]))
    return [encodeMessage({ type: 2, flags: 0x200, sequence: message.sequence, body })]
  })
  const [reply] = await new NetlinkClient(transport).send([request(5)])
  assert.ok(reply?.ok === false)
  assert.equal(reply.error.payload.extAck, 'why')
})
