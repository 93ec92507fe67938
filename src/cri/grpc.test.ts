import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { type Clock, ManualClock, settle, systemClock } from '../base/index.ts'
import { callUnary } from './grpc.ts'
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
  for (const session of sessions) session.destroy()
  sessions.clear()
  server?.close()
  rmSync(directory, { recursive: true })
})

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

const call = (clock: Clock = systemClock) =>
  callUnary(method, { word: 'hello' }, { socketPath: join(directory, 'socket'), clock, timeoutMs: 60_000 })

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
    await assert.rejects(call(), { code: 'cri.refused', message: /status 5: no%20such%zz$/ })
    server.close()
    for (const session of sessions) session.destroy()
    await serve(stream =>
      stream.respond({ ...OK, 'grpc-status': '14', 'grpc-message': 'not%20yet' }, { endStream: true }),
    )
    await assert.rejects(call(), { code: 'cri.refused', message: /status 14: not yet$/ })
  })

  for (const [what, body] of [
    ['no message', Buffer.alloc(0)],
    ['a message that is too short', framed('there').subarray(0, -1)],
    ['two messages', Buffer.concat([framed('a'), framed('b')])],
    ['a compressed message', Buffer.from([1, 0, 0, 0, 0])],
  ] as const) {
    it(`refuses ${what}`, async () => {
      await serve(stream => answer(stream, body, { 'grpc-status': '0' }))
      await assert.rejects(call(), { code: 'cri.malformed' })
    })
  }

  it('refuses an answer without a status', async () => {
    await serve(stream => stream.respond({ ':status': 404 }, { endStream: true }))
    await assert.rejects(call(), { code: 'cri.malformed', message: /without a gRPC status/ })
  })

  it('says that nobody listens, or that the connection broke', async () => {
    await assert.rejects(call(), { code: 'cri.unreachable', message: /ENOENT/ })
    await serve(stream => stream.session?.socket.destroy())
    await assert.rejects(call(), { code: /^cri\.(unreachable|malformed)$/ })
  })

  it('gives up when the time is over', async () => {
    const clock = new ManualClock()
    const called = Promise.withResolvers<void>()
    await serve(() => called.resolve())
    const pending = call(clock)
    await called.promise
    clock.advance(60_000)
    await assert.rejects(pending, { code: 'cri.timeout', message: /within 60000 ms/ })
    await settle()
  })
})
