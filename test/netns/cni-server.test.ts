import assert from 'node:assert/strict'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { after, afterEach, beforeEach, test } from 'node:test'
import { serveHealth } from '../../src/agent/health.ts'
import { settle, silentLogger } from '../../src/base/index.ts'
import { decodeReply, encodeRequest, type FdName } from '../../src/cni/index.ts'
import { type CallHandler, serveCni } from '../../src/daemon/index.ts'
import { connectUnix, Netns, type StreamConnection } from '../../src/sys/index.ts'

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'podlace-test-'))
after(() => fs.rmSync(directory, { recursive: true, force: true }))
const socket = path.join(directory, 'cni.sock')
const ALL: readonly FdName[] = ['netns', 'route', 'netfilter', 'ipv4']

let handle: CallHandler
let server: { close(): Promise<void> }
const clients: StreamConnection[] = []

beforeEach(() => {
  handle = async () => ({})
  server = serveCni(socket, (request, pod, execute) => handle(request, pod, execute), silentLogger)
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await server.close()
})

function connect(): StreamConnection {
  const client = connectUnix(socket)
  clients.push(client)
  return client
}

/** Sends one call; resolves with what comes until the server closes the connection. */
async function call(names: readonly FdName[], fds: readonly number[]): Promise<string> {
  const client = connect()
  const replies: string[] = []
  const closed = new Promise<void>(resolve => client.onClose(() => resolve()))
  client.onFrame(payload => replies.push(Buffer.from(decodeReply(payload).stdout).toString('utf8')))
  client.sendWithFds(request(names), fds)
  await closed
  return replies.join('')
}

function request(names: readonly FdName[]): Uint8Array {
  return encodeRequest({ type: 'podlace', fds: names, environment: new Map(), stdin: Buffer.from('{}') })
}

const openFds = () => fs.readdirSync('/proc/self/fd').length

test('whatever descriptors a request brings, none is left open after the answer', async () => {
  const netns = Netns.create()
  const nothing = fs.openSync('/dev/null', 'r')
  const { fds } = netns
  const good = [fds.netns, fds.route, fds.netfilter, fds.ipv4]
  const cases: [readonly FdName[], readonly number[], RegExp][] = [
    [ALL, good, /^$/],
    [ALL, good.slice(1), /4 descriptors are named, 3 came/],
    [[], good, /0 descriptors are named, 4 came/],
    [['netns', 'route'], good.slice(0, 2), /^$/],
    [['netns', 'route'], [fds.netns, nothing], /cookie/],
    [['netns', 'route', 'ipv4'], [fds.netns, fds.route, fds.ipv4], /the descriptor netfilter .* is missing/],
    [ALL, good.map(() => nothing), /cookie/],
    [ALL, [fds.netns, fds.route, nothing, fds.ipv4], /"code"/],
    [ALL, [nothing, fds.route, fds.netfilter, nothing], /^$/],
  ]
  try {
    await call(ALL, good)
    for (const [names, sent, said] of cases) {
      const before = openFds()
      assert.match(await call(names, sent), said)
      await settle()
      assert.equal(openFds(), before, String(said))
    }
  } finally {
    fs.closeSync(nothing)
    netns.close()
  }
})

test('an error that quotes a whole configuration is cut short, a result no frame can hold is taken back', async () => {
  handle = async () => {
    throw new Error('"'.repeat(900_000))
  }
  assert.match(await call([], []), /\.\.\."/)
  let undone = 0
  handle = async () => ({ output: 'x'.repeat(1 << 20), undo: async () => void (undone += 1) })
  assert.match(await call([], []), /the result has 1048580 bytes/)
  assert.equal(undone, 1)
})

test('a result longer than the socket has room for arrives whole', async () => {
  const output = 'x'.repeat(1_000_000)
  handle = async () => ({ output })
  assert.equal(await call([], []), `${JSON.stringify(output)}\n`)
})

test('what a caller asked for is taken back also if it goes in the moment of the answer', async () => {
  const undone = Promise.withResolvers<void>()
  const client = connect()
  handle = async () => {
    client.close()
    return { output: {}, undo: async () => undone.resolve() }
  }
  client.send(request([]))
  await undone.promise
})

test("what is taken back finds the pod's sockets open, however long it takes", async () => {
  const undone = Promise.withResolvers<boolean>()
  const netns = Netns.create()
  try {
    const { fds } = netns
    const client = connect()
    handle = async (_request, pod) => {
      client.close()
      const undo = async () => {
        for (let n = 0; n < 10; n += 1) await settle()
        undone.resolve(fs.fstatSync(pod?.fds.netns ?? -1).isFile())
      }
      return { output: {}, undo: () => undo().catch(undone.reject) }
    }
    client.sendWithFds(request(ALL), [fds.netns, fds.route, fds.netfilter, fds.ipv4])
    assert.ok(await undone.promise)
  } finally {
    netns.close()
  }
})

test('closing waits for the calls under way and takes back what nobody hears of', async () => {
  const begun = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const seen: string[] = []
  handle = async () => {
    begun.resolve()
    await gate.promise
    return { output: {}, undo: async () => void seen.push('undone') }
  }
  connect().send(request([]))
  await begun.promise
  const closed = server.close().then(() => seen.push('closed'))
  gate.resolve()
  await closed
  assert.deepEqual(seen, ['undone', 'closed'])
})

test('as many clients of the health port as it takes, all of them slow, keep no call waiting', async () => {
  const health = await serveHealth(
    { host: '127.0.0.1', port: 0 },
    { notReady: () => '', metrics: async () => '' },
  )
  const refused = new Set<net.Socket>()
  const slow = Array.from({ length: 150 }, () => net.connect(health.port, '127.0.0.1'))
  for (const socket of slow) {
    socket.on('error', () => undefined).on('close', () => refused.add(socket))
    socket.resume().write('GET /healthz HTTP/1.1\r\n')
  }
  try {
    for (let n = 0; n < 1_000 && refused.size < 50; n += 1) assert.equal(await call([], []), '')
    assert.equal(refused.size, 50)
    assert.equal(await call([], []), '')
  } finally {
    for (const socket of slow) socket.destroy()
    await health.close()
  }
})
