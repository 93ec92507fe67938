import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../base/index.ts'
import { Connection, type Credentials } from './connection.ts'
import { METHODS } from './messages.ts'
import { watch } from './watch.ts'

/** A server on a socket of its own that is given each call, by its path. */
async function serve(
  onCall: (path: string, stream: ServerHttp2Stream) => void,
): Promise<AsyncDisposable & { readonly connect: () => ReturnType<typeof connect> }> {
  const directory = mkdtempSync(join(tmpdir(), 'podlace-etcd-'))
  const socket = join(directory, 'socket')
  const sessions = new Set<ServerHttp2Session>()
  const server = createServer()
  server.on('session', session => sessions.add(session))
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined)
    onCall(String(headers[':path']), stream)
  })
  server.listen(socket)
  await once(server, 'listening')
  return {
    connect: () => connect(socket),
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy()
      server.close()
      rmSync(directory, { recursive: true })
    },
  }
}

const broken = (): never => {
  throw new Error('no such file: ca.crt')
}
const credentials = (): Credentials => ({ username: 'root', password: 'secret' })
const url = 'http://the.test:2379'

test('a watch that is given up while it logs in asks for nothing and ends', async () => {
  const ending = new AbortController()
  const heard: string[] = []
  await using server = await serve((path, stream) => {
    if (path === METHODS.watch.path) {
      stream.on('data', chunk => heard.push(`${path}: ${chunk.length} bytes`))
      return
    }
    heard.push(path)
    ending.abort()
    const token = Buffer.from(METHODS.authenticate.response.encode({ token: 't' }))
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, token.length]), token]))
  })
  const timeoutMs = 5_000
  const endpoints = [{ url, connect: server.connect }]
  const connection = new Connection({ endpoints, credentials, clock: systemClock, timeoutMs })
  const options = { startRevision: 1, signal: ending.signal, clock: systemClock, timeoutMs }
  for await (const batch of watch(connection, '/a/', options)) assert.fail(JSON.stringify(batch))
  assert.deepEqual(heard, [METHODS.authenticate.path])
  connection.close()
})

test('a watch whose connection cannot even be begun fails in our words, and the next one goes elsewhere', async () => {
  const asked: string[] = []
  await using server = await serve((path, stream) => {
    asked.push(path)
    stream.respond({ ':status': 200, 'grpc-status': '14' }, { endStream: true })
  })
  const timeoutMs = 5_000
  const connection = new Connection({
    endpoints: [
      { url, connect: broken },
      { url, connect: server.connect },
    ],
    clock: systemClock,
    timeoutMs,
  })
  await assert.rejects(connection.stream(METHODS.watch), {
    code: 'etcd.unavailable',
    message: /no such file: ca\.crt/,
  })
  const options = { startRevision: 1, signal: new AbortController().signal, clock: systemClock, timeoutMs }
  await assert.rejects(watch(connection, '/a/', options).next(), { code: 'etcd.unavailable' })
  assert.deepEqual(asked, [METHODS.watch.path])
  connection.close()
})
