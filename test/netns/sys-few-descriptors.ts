/**
 * Started by sys-descriptors.test.ts in a process that may open few files: every step of everything that
 * opens descriptors fails once, and must leave as many free as before.
 */
import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { hasCode } from '../../src/base/index.ts'
import {
  connectUnix,
  NetlinkEvents,
  Netns,
  openNetlink,
  openTun,
  type StreamConnection,
  socketIn,
  UnixServer,
} from '../../src/sys/index.ts'

/** Opens files until none is left, and returns them. */
function fill(): number[] {
  const fds: number[] = []
  try {
    for (;;) fds.push(openSync('/dev/null', 'r'))
  } catch {
    return fds
  }
}

/**
 * Tries `act` with 0, 1, 2... descriptors free until it succeeds; each failure must leave as many free as
 * before.
 */
function withFewer(act: () => { close(): void }): number {
  const spare = fill()
  for (let free = 0; ; free += 1) {
    try {
      act().close()
      for (const fd of spare) closeSync(fd)
      return free
    } catch (error) {
      assert.ok(hasCode(error, 'sys.emfile'), String(error))
      const left = fill()
      for (const fd of left) closeSync(fd)
      assert.equal(left.length, free, `${left.length} of ${free} descriptors are free after a failure`)
      closeSync(spare.pop() ?? -1)
    }
  }
}

const closing = (fd: number) => ({ close: () => closeSync(fd) })

test('every step of opening', () => {
  const netns = Netns.create()
  const directory = mkdtempSync(join(tmpdir(), 'podlace-sys-'))
  try {
    assert.ok(withFewer(() => Netns.create()) >= 7)
    assert.ok(withFewer(() => Netns.own()) >= 6)
    assert.ok(withFewer(() => Netns.open(`/proc/self/fd/${netns.fds.netns}`)) >= 8)
    assert.equal(
      withFewer(() => openNetlink('route')),
      1,
    )
    assert.equal(
      withFewer(() => NetlinkEvents.openIn(netns, 'route', [1])),
      2,
    )
    assert.equal(
      withFewer(() => closing(socketIn(netns, 'inet', 'stream'))),
      2,
    )
    assert.equal(
      withFewer(() => openTun('tun9', { netns })),
      2,
    )
    const path = join(directory, 'socket')
    assert.ok(withFewer(() => UnixServer.listen(path, { mode: 0o600, onConnection: () => {} })) >= 2)
  } finally {
    rmSync(directory, { recursive: true })
    netns.close()
  }
})

test('a server without free descriptors hangs up and recovers', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'podlace-sys-'))
  const path = join(directory, 'socket')
  const refused: string[] = []
  const accepted: unknown[] = []
  const server = UnixServer.listen(path, {
    mode: 0o600,
    onConnection: connection => accepted.push(connection),
    onRefused: error => refused.push(error.code),
  })
  const spare = fill()
  closeSync(spare.pop() ?? -1)
  const first = connectUnix(path)
  const hungUp = new Promise<unknown>(resolve => first.onClose(resolve))
  await hungUp
  assert.deepEqual(refused, ['sys.emfile'])
  for (const fd of spare) closeSync(fd)
  const second = connectUnix(path)
  while (accepted.length === 0) await delay(1)
  second.close()
  server.close()
  rmSync(directory, { recursive: true })
})

test('descriptors that the receiver has no room for end the connection', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'podlace-sys-'))
  const path = join(directory, 'socket')
  let client: StreamConnection | undefined
  const reason = await new Promise<unknown>(resolve => {
    const server = UnixServer.listen(path, {
      mode: 0o600,
      onConnection: connection => {
        const spare = fill()
        closeSync(spare.pop() ?? -1)
        client?.sendWithFds(new Uint8Array(1), [0, 1, 2])
        connection.onClose(why => {
          const left = fill()
          for (const fd of [...left, ...spare]) closeSync(fd)
          server.close()
          resolve(left.length === 2 ? why : `${left.length} descriptors are free`)
        })
      },
    })
    client = connectUnix(path)
  })
  client?.close()
  rmSync(directory, { recursive: true })
  assert.ok(hasCode(reason, 'sys.too-many-fds'), String(reason))
})
