import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, afterEach, beforeEach, test } from 'node:test'
import { hasCode, ManualClock, systemClock } from '../base/index.ts'
import { closeFd, type UnixConnection, UnixServer } from '../sys/index.ts'
import { TunnelClient } from './client.ts'

const directory = mkdtempSync(join(tmpdir(), 'podlace-tunnel-'))
const path = join(directory, 'control.sock')
after(() => rmSync(directory, { recursive: true, force: true }))

/** What the process would do with a request. */
let answer: (connection: UnixConnection, request: Uint8Array, fds: readonly number[]) => void
let server: UnixServer

beforeEach(() => {
  server = UnixServer.listen(path, {
    mode: 0o600,
    allowUids: [process.getuid?.() ?? 0],
    onConnection(connection) {
      connection.onFrame((request, fds) => {
        for (const fd of fds) closeFd(fd)
        answer(connection, request, fds)
      })
    },
  })
})

afterEach(() => server.close())

const DONE = Uint8Array.of(1, 0x80)
const table = { revision: 1n, localPrefixes: [], peers: [] }

test('a request waits for the reply to the one before', async () => {
  const held: UnixConnection[] = []
  answer = connection => void held.push(connection)
  using client = TunnelClient.connect(path, systemClock)
  const settled: string[] = []
  const first = client.setTable(table).then(() => settled.push('first'))
  const second = client.setTable(table).then(() => settled.push('second'))
  while (held.length < 1) await new Promise(setImmediate)
  answer = connection => connection.send(DONE)
  assert.deepEqual(settled, [])
  held[0]?.send(DONE)
  await Promise.all([first, second])
  assert.deepEqual(settled, ['first', 'second'])
})

test('descriptors go beside a configuration, those of TUN queues first', async () => {
  let count = 0
  answer = (connection, request, fds) => {
    count = fds.length
    connection.send(request[1] === 1 ? DONE : Uint8Array.of(1, 0x81))
  }
  using client = TunnelClient.connect(path, systemClock)
  const queues = [
    { tunFd: 0, udpFd: 1 },
    { tunFd: 2, udpFd: 2 },
  ]
  await client.configure({ revision: 1n, tunnelAddress: '10.244.1.0', mtu: 1472, queues })
  assert.equal(count, 4)
})

const refused = (error: unknown) => hasCode(error, 'tunnel.refused') && /expected more/.test(error.message)

test('a refusal is told in the words of the process, and the connection stays', async () => {
  answer = connection =>
    connection.send(Buffer.concat([Uint8Array.of(1, 0x81), Buffer.from('expected more')]))
  using client = TunnelClient.connect(path, systemClock)
  await assert.rejects(client.setTable(table), refused)
  await assert.rejects(client.setTable(table), refused)
})

for (const [what, reply] of [
  ['nonsense', Uint8Array.of(9, 9)],
  ['a reply to something else', DONE],
] as const) {
  test(`${what} ends the connection`, async () => {
    answer = connection => connection.send(reply)
    const closed = Promise.withResolvers<void>()
    const client = TunnelClient.connect(path, systemClock)
    client.onClose(() => closed.resolve())
    await assert.rejects(client.status(), error => hasCode(error, 'tunnel.malformed'))
    await closed.promise
    await assert.rejects(client.status(), error => hasCode(error, 'tunnel.closed'))
  })
}

test('a process that goes away, or says nothing, is told of', async () => {
  answer = connection => connection.close()
  using gone = TunnelClient.connect(path, systemClock)
  await assert.rejects(gone.setTable(table), error => hasCode(error, 'tunnel.closed'))

  const clock = new ManualClock()
  const asked = Promise.withResolvers<void>()
  answer = () => asked.resolve()
  using stuck = TunnelClient.connect(path, clock)
  const status = stuck.status()
  await asked.promise
  const [rejected] = await Promise.all([
    assert.rejects(status, error => hasCode(error, 'tunnel.timeout')),
    clock.advance(5000),
  ])
  assert.equal(rejected, undefined)
})
