/** The unix server and other users. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connectUnix, type StreamConnection, UnixServer } from '../../src/sys/index.ts'

/** Connects as another user: the kernel notes the effective user of the moment. */
function connectAs(uid: number, path: string): StreamConnection {
  process.seteuid?.(uid)
  try {
    return connectUnix(path)
  } finally {
    process.seteuid?.(0)
  }
}

test('root and allowed users get in, others are hung up on before anything is read', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'podlace-sys-'))
  const path = join(directory, 'socket')
  const refused: string[] = []
  const peers: number[] = []
  chmodSync(directory, 0o755)
  const server = UnixServer.listen(path, {
    mode: 0o660,
    allowUids: [4711],
    onConnection: connection => peers.push(connection.peer.uid),
    onRefused: error => refused.push(error.message),
  })
  assert.equal(statSync(path).mode & 0o117, 0, 'never wider than asked for')
  chmodSync(path, 0o666)
  const clients = [0, 4711, 4712].map(uid => connectAs(uid, path))
  await new Promise(resolve => clients[2]?.onClose(resolve))
  assert.deepEqual(peers, [0, 4711])
  assert.deepEqual(refused, [`process ${process.pid} of user 4712 may not connect to ${path}`])
  for (const client of clients) client.close()
  server.close()
  rmSync(directory, { recursive: true })
})
