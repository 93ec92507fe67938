import assert from 'node:assert/strict'
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, beforeEach, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { hasCode } from '../base/index.ts'
import { closeFd } from './descriptor.ts'
import { encodeFrame, MAX_FRAME_BYTES } from './frames.ts'
import { native } from './native.ts'
import { connectUnix, type UnixConnection } from './unix-connection.ts'
import { UnixServer, type UnixServerOptions } from './unix-server.ts'

const directory = mkdtempSync(join(tmpdir(), 'podlace-sys-'))
after(() => rmSync(directory, { recursive: true, force: true }))

const servers: UnixServer[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

let path: string
let count = 0
beforeEach(() => {
  path = join(directory, `s${(count += 1)}`)
})

const me = process.getuid?.() ?? 0

function listen(
  onConnection: (c: UnixConnection) => void,
  options: Partial<UnixServerOptions> = {},
): UnixServer {
  const server = UnixServer.listen(path, { mode: 0o600, allowUids: [me], onConnection, ...options })
  servers.push(server)
  return server
}

/** Frames are answered with their own payload. */
function echo(connection: UnixConnection): void {
  connection.onFrame((payload, fds) => {
    for (const fd of fds) closeSync(fd)
    connection.send(payload)
  })
}

const openFds = () => readdirSync('/proc/self/fd').length

/** What arrives on the connection next. */
function nextFrame(connection: UnixConnection): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    connection.onFrame(resolve)
    connection.onClose(reason => reject(reason ?? new Error('closed')))
  })
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    assert.ok(tries < 5000, 'it did not happen')
    await delay(1)
  }
}

const closed = (connection: UnixConnection) =>
  new Promise<Error | undefined>(resolve => connection.onClose(resolve))

test('frames of every size travel both ways, in order', async () => {
  const server = listen(echo)
  const client = connectUnix(path)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  for (const size of [0, 1, 300_000, MAX_FRAME_BYTES]) {
    const payload = new Uint8Array(size).fill(size % 251)
    const reply = nextFrame(client)
    client.send(payload)
    assert.deepEqual(Buffer.compare(await reply, payload), 0)
  }
  assert.equal(server.size, 1)
  client.close()
})

test('a stream in single bytes, and several frames at once, are the same frames', async () => {
  const got: number[][] = []
  listen(c => c.onFrame(payload => got.push([...payload])))
  const socket = createConnection(path)
  for (const byte of encodeFrame(new Uint8Array([1, 2]))) socket.write(new Uint8Array([byte]))
  socket.write(
    Buffer.concat([
      encodeFrame(new Uint8Array([3])),
      encodeFrame(new Uint8Array([])),
      encodeFrame(new Uint8Array([4])),
    ]),
  )
  socket.end()
  await until(() => got.length === 4)
  assert.deepEqual(got, [[1, 2], [3], [], [4]])
})

test('descriptors arrive with their frame and belong to whoever takes it', async () => {
  const got: { payload: number; fds: number[] }[] = []
  listen(c => c.onFrame((payload, fds) => got.push({ payload: payload.length, fds })))
  const client = connectUnix(path)
  const fd = openSync('/dev/null', 'r')
  client.sendWithFds(new Uint8Array(300_000), [fd, fd])
  await until(() => got.length > 0)
  assert.equal(got[0]?.payload, 300_000)
  assert.equal(got[0]?.fds.length, 2)
  for (const received of got[0]?.fds ?? []) {
    assert.equal(fstatSync(received).rdev, fstatSync(fd).rdev)
    closeSync(received)
  }
  closeSync(fd)
  client.close()
})

test('no descriptor is left over, whatever the peer does', async () => {
  const file = openSync('/dev/null', 'r')
  const reasons: (string | undefined)[] = []
  const server = listen(
    c => {
      echo(c)
      c.onClose(reason => reasons.push(hasCode(reason, 'sys') ? reason.code : reason?.message))
    },
    { maxFds: 2 },
  )
  await delay(1)
  const before = openFds()
  const misdeeds: ((send: (bytes: number[], fds: number) => void) => void)[] = [
    send => send([0, 0, 0, 9, 1], 2),
    send => send([0, 0], 2),
    send => send([0, 0, 0, 1, 1], 3),
    send => send([0, 0, 0, 0], 20),
    send => send([0xff, 0, 0, 0], 1),
    send => {
      send([0, 0], 0)
      send([0, 9, 9], 2)
    },
    send => send([0, 0, 0, 0], 2),
    () => {},
  ]
  for (const misdeed of misdeeds) {
    const fd = native.unixConnect(path)
    misdeed((bytes, fds) =>
      native.unixSend(
        fd,
        new Uint8Array(bytes),
        Array.from({ length: fds }, () => file),
      ),
    )
    closeFd(fd)
    const expected = reasons.length + 1
    await until(() => reasons.length === expected)
  }
  assert.deepEqual(reasons.slice(0, 6), [
    'sys.cut-off',
    'sys.cut-off',
    'sys.too-many-fds',
    'sys.too-many-fds',
    'sys.frame-too-long',
    'sys.cut-off',
  ])
  assert.equal(server.size, 0)
  assert.equal(openFds(), before)
  closeSync(file)
})

test('without a listener for frames their descriptors are closed', async () => {
  let ended = false
  const before = openFds()
  const server = listen(c => c.onClose(() => (ended = true)))
  const client = connectUnix(path)
  const file = openSync('/dev/null', 'r')
  client.sendWithFds(new Uint8Array(1), [file])
  client.end()
  await until(() => ended)
  server.close()
  closeSync(file)
  assert.equal(openFds(), before)
})

test('what came before the connection was accepted is there before anything else happens', async () => {
  const heard: string[] = []
  listen(c => {
    queueMicrotask(() => heard.push('later'))
    c.onFrame(payload => {
      heard.push(`frame ${payload.length}`)
      c.send(payload)
    })
    c.onClose(() => heard.push('end'))
  })
  const client = connectUnix(path)
  for (const size of [1, 2]) client.send(new Uint8Array(size))
  const replies: number[] = []
  client.onFrame(payload => replies.push(payload.length))
  await until(() => replies.length === 2)
  client.send(new Uint8Array(3))
  client.close()
  await until(() => heard.length === 5)
  assert.deepEqual(heard, ['frame 1', 'frame 2', 'later', 'frame 3', 'end'])
})

test('a reply that its peer has no room for goes out when there is some, also from the first turn on', async () => {
  listen(c => c.onFrame(() => c.send(new Uint8Array(MAX_FRAME_BYTES))))
  const client = connectUnix(path)
  client.send(new Uint8Array(1))
  assert.equal((await nextFrame(client)).length, MAX_FRAME_BYTES)
  client.close()
})

test('end sends what is queued, close does not wait, and both end once', async () => {
  const ends: (Error | undefined)[] = []
  listen(c => {
    c.onClose(reason => ends.push(reason))
    c.send(new Uint8Array(900_000))
    c.end()
    c.send(new Uint8Array(1))
  })
  const client = connectUnix(path)
  const end = closed(client)
  const sizes: number[] = []
  client.onFrame(payload => sizes.push(payload.length))
  assert.equal(await end, undefined)
  assert.deepEqual(sizes, [900_000])
  assert.deepEqual(ends, [undefined])
  client.close()
})

test('a peer that goes away while we send ends the connection with a reason', async () => {
  const connected = new Promise<UnixConnection>(resolve => listen(resolve))
  const client = connectUnix(path)
  const connection = await connected
  client.close()
  const reason = closed(connection)
  connection.send(new Uint8Array(10))
  assert.ok(hasCode(await reason, 'sys.epipe'))
})

test('the path is taken over from a dead server, never from a live one or from another file', () => {
  const first = listen(() => {})
  assert.throws(
    () => listen(() => {}),
    error => hasCode(error, 'sys.eaddrinuse'),
  )
  first.close()
  closeFd(native.unixListen(path, 0o600, 1))
  listen(() => {}).close()
  writeFileSync(path, 'precious')
  assert.throws(
    () => listen(() => {}),
    error => hasCode(error, 'sys.eaddrinuse'),
  )
  assert.equal(statSync(path).size, 8)
  path = join(directory, 'x'.repeat(100))
  assert.throws(
    () => listen(() => {}),
    error => hasCode(error, 'sys.bad-path'),
  )
})
