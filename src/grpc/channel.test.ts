import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex, PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { type Clock, hasCode, ManualClock, settle, systemClock } from '../base/index.ts'
import { GrpcChannel } from './channel.ts'
import { field, message, text } from './protobuf.ts'

const word = message({ word: field(1, text) })
const method = { path: '/test.Service/Say', request: word, response: word }

const OK = { ':status': 200, 'content-type': 'application/grpc' }

let directory = ''
let server: Http2Server
const sessions = new Set<ServerHttp2Session>()
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podlace-grpc-'))
})
afterEach(() => {
  for (const channel of channels) channel.close()
  channels.clear()
  hangUp()
  server?.close()
  rmSync(directory, { recursive: true })
})

function hangUp(): void {
  for (const session of sessions) session.destroy()
  sessions.clear()
}

/** A server that treats every call so. */
async function serve(onCall: (stream: ServerHttp2Stream, path: string, body: Buffer) => void): Promise<void> {
  server = createServer()
  server.on('session', session => sessions.add(session))
  server.on('stream', (stream, headers) => {
    const chunks: Buffer[] = []
    stream.on('error', () => undefined)
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => onCall(stream, String(headers[':path']), Buffer.concat(chunks)))
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(join(directory, 'socket'), resolve)
  await promise
}

/** Answers with these bytes, then the trailers. */
function answer(stream: ServerHttp2Stream, body: Uint8Array, trailers: Record<string, string>): void {
  stream.respond(OK, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers(trailers))
  stream.end(body)
}

function framed(said: string): Buffer {
  const bytes = word.encode({ word: said })
  return Buffer.from([0, 0, 0, 0, bytes.length, ...bytes])
}

const channels = new Set<GrpcChannel>()

function open(clock: Clock = systemClock, pingMs?: number): GrpcChannel {
  const channel = new GrpcChannel({
    peer: 'the test',
    connect: () => connect(join(directory, 'socket')),
    clock,
    ...(pingMs === undefined ? {} : { pingMs }),
  })
  channels.add(channel)
  return channel
}

const call = (clock?: Clock) => open(clock).call(method, { word: 'hello' }, { timeoutMs: 60_000 })

describe('a gRPC call', () => {
  it('sends one message and takes one', async () => {
    await serve((stream, path, body) => {
      assert.equal(path, method.path)
      assert.deepEqual(body, framed('hello'))
      answer(stream, framed('there'), { 'grpc-status': '0' })
    })
    assert.deepEqual({ ...(await call()) }, { word: 'there' })
  })

  it('tells the reason of a refusal, also of one without a message', async () => {
    await serve(stream =>
      answer(stream, Buffer.alloc(0), { 'grpc-status': '5', 'grpc-message': 'no%20such%zz' }),
    )
    await assert.rejects(call(), { code: 'grpc.refused', message: /status 5: no%20such%zz$/ })
    server.close()
    hangUp()
    await serve(stream =>
      stream.respond({ ...OK, 'grpc-status': '14', 'grpc-message': 'not%20yet' }, { endStream: true }),
    )
    await assert.rejects(call(), { code: 'grpc.refused', message: /status 14: not yet$/ })
  })

  for (const [what, body] of [
    ['no message', Buffer.alloc(0)],
    ['a message that is too short', framed('there').subarray(0, -1)],
    ['two messages', Buffer.concat([framed('a'), framed('b')])],
    ['a compressed message', Buffer.from([1, 0, 0, 0, 0])],
  ] as const) {
    it(`refuses ${what}`, async () => {
      await serve(stream => answer(stream, body, { 'grpc-status': '0' }))
      await assert.rejects(call(), { code: 'grpc.malformed' })
    })
  }

  it('refuses an answer without a status', async () => {
    await serve(stream => stream.respond({ ':status': 404 }, { endStream: true }))
    await assert.rejects(call(), { code: 'grpc.malformed', message: /without a gRPC status/ })
  })

  it('says that nobody listens, or that the connection broke', async () => {
    await assert.rejects(call(), { code: 'grpc.unreachable', message: /ENOENT/ })
    await serve(stream => stream.session?.socket.destroy())
    await assert.rejects(call(), { code: 'grpc.unreachable' })
  })

  it('gives up when the time is over', async () => {
    const clock = new ManualClock()
    const called = Promise.withResolvers<void>()
    await serve(() => called.resolve())
    const pending = call(clock)
    await called.promise
    clock.advance(60_000)
    await assert.rejects(pending, { code: 'grpc.timeout', message: /within 60000 ms/ })
    await settle()
  })
})

/** Answers each message of a call with itself, as it comes. */
async function echo(): Promise<void> {
  server = createServer()
  server.on('session', session => sessions.add(session))
  server.on('stream', stream => {
    stream.respond(OK, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.on('error', () => undefined)
    stream.pipe(stream)
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(join(directory, 'socket'), resolve)
  await promise
}

/** How a call fails that the server can have heard of, or cannot. */
const heard = (sent: boolean) => (error: unknown) =>
  hasCode(error, 'grpc.unreachable') && error.toJSON()['sent'] === sent

describe('a gRPC channel', () => {
  it('carries many messages of one call both ways, also such as come in pieces or together', async () => {
    await echo()
    const long = 'x'.repeat(200_000)
    const words = ['a', long, '', 'b', 'c']
    const stream = open().stream(method)
    for (const word of words) stream.send({ word })
    stream.end()
    const answers: string[] = []
    for await (const { word } of stream) answers.push(word)
    assert.deepEqual(answers, words)
  })

  it('makes one connection for many calls, and another one after it broke', async () => {
    await serve(stream => answer(stream, framed('there'), { 'grpc-status': '0' }))
    let connections = 0
    server.on('session', () => (connections += 1))
    const channel = open()
    const ask = () => channel.call(method, { word: 'hello' }, { timeoutMs: 60_000 })
    await Promise.all([ask(), ask(), ask()])
    assert.equal(connections, 1)
    hangUp()
    const broken = channel.stream(method)[Symbol.asyncIterator]()
    await broken.next().catch(() => undefined)
    await ask()
    assert.equal(connections, 2)
  })

  it('gives no call to a connection that it has just ended itself', async () => {
    await serve(stream => answer(stream, framed('there'), { 'grpc-status': '0' }))
    const due: (() => void)[] = []
    const clock: Clock = {
      ...systemClock,
      after: (_delayMs, fn) => {
        due.push(fn)
        return { cancel: () => {} }
      },
    }
    const channel = open(clock, 10_000)
    const first = channel.stream(method)[Symbol.asyncIterator]()
    // It does not stand when it is asked whether it lives, and nobody has been told of its end when the next call comes.
    due[0]?.()
    const second = channel.call(method, { word: 'hello' }, { timeoutMs: 60_000 })
    await assert.rejects(first.next(), { code: 'grpc.unreachable', message: /nothing was heard/ })
    assert.deepEqual({ ...(await second) }, { word: 'there' })
  })

  it('tells whether the server can have heard of a call that failed', async () => {
    await assert.rejects(call(), heard(false))
    await serve(stream => stream.session?.socket.destroy())
    await assert.rejects(call(), heard(true))
  })

  it('ends a call whose connection is silent, and not one where the other end only has nothing to say', async () => {
    await echo()
    const clock = new ManualClock()
    const wire = new PassThrough()
    const connection = connect(join(directory, 'socket'))
    connection.pipe(wire)
    const silenced = Duplex.from({ readable: wire, writable: connection })
    const channel = new GrpcChannel({ peer: 'the test', connect: () => silenced, clock, pingMs: 10_000 })
    channels.add(channel)
    const stream = channel.stream(method)
    const answers = stream[Symbol.asyncIterator]()
    stream.send({ word: 'a' })
    assert.equal((await answers.next()).value?.word, 'a')
    for (let second = 0; second < 60; second += 10) {
      await clock.advance(10_000)
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    stream.send({ word: 'b' })
    assert.equal((await answers.next()).value?.word, 'b')
    const ends = assert.rejects(answers.next(), {
      code: 'grpc.unreachable',
      message: /nothing was heard for 10000 ms/,
    })
    connection.unpipe(wire)
    await clock.advance(10_000)
    await clock.advance(10_000)
    await ends
  })
})
