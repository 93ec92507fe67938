/** No descriptor is left over, whatever fails or ends. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { readlink } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { NetlinkEvents, Netns, openTun } from '../../src/sys/index.ts'

const countFds = () => readdirSync('/proc/self/fd').length

const script = fileURLToPath(new URL('sys-few-descriptors.ts', import.meta.url))

test('in a process that may open 64 files', () => {
  const command = 'ulimit -n 64 && exec "$0" --test-reporter=tap "$1"'
  const env = new Map(Object.entries(process.env))
  env.delete('NODE_TEST_CONTEXT')
  const child = spawnSync('sh', ['-c', command, process.execPath, script], {
    env: Object.fromEntries(env),
    encoding: 'utf8',
    timeout: 20_000,
  })
  assert.equal(child.status, 0, child.stdout + child.stderr)
})

test('opening and closing many times leaves nothing', () => {
  const before = countFds()
  for (let round = 0; round < 50; round += 1) {
    const netns = Netns.create()
    NetlinkEvents.openIn(netns, 'route', [1]).close()
    openTun('', { netns }).close()
    assert.throws(() => Netns.open('/dev/null'))
    netns.close()
  }
  assert.equal(countFds(), before)
})

test('a worker that ends with open watches takes nothing down', async () => {
  const door = new URL('../../src/sys/index.ts', import.meta.url).href
  const script = `
    const { NetlinkEvents, Netns, openNetlink } = await import(${JSON.stringify(door)})
    const { parentPort } = await import('node:worker_threads')
    const netns = Netns.create()
    const events = NetlinkEvents.openIn(netns, 'route', [1])
    events.start(() => {}, () => {})
    const other = NetlinkEvents.openIn(netns, 'route', [1])
    other.start(() => {}, () => {})
    other.close()
    openNetlink('route').exchangeInThread(new Uint8Array(16))
    parentPort.postMessage('ready')`
  for (let round = 0; round < 3; round += 1) {
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`))
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
    await worker.terminate()
  }
  assert.equal(await readlink('/proc/self/ns/net'), await readlink('/proc/thread-self/ns/net'))
})
