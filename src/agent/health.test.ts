import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode } from '../base/index.ts'
import { serveHealth } from './health.ts'

const HERE = { host: '127.0.0.1', port: 0 }

test('alive from the start, ready when nothing is missing any more', async () => {
  let lacks = 'there is no Node node-1'
  const server = await serveHealth(HERE, { notReady: () => lacks, metrics: async () => 'podlace_x 1\n' })
  const get = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method })
    return [response.status, (await response.text()).trim()]
  }
  try {
    assert.deepEqual(await get('/healthz'), [200, 'ok'])
    assert.deepEqual(await get('/readyz'), [503, 'there is no Node node-1'])
    lacks = ''
    assert.deepEqual(await get('/readyz?verbose'), [200, 'ok'])
    assert.deepEqual(await get('/metrics'), [200, 'podlace_x 1'])
    assert.equal((await get('/status'))[0], 404)
    assert.equal((await get('/healthz', 'POST'))[0], 405)
  } finally {
    await server.close()
  }
})

/** Connections that begin a request and say no more. */
async function slowClients(port: number, count: number): Promise<net.Socket[]> {
  const sockets = Array.from({ length: count }, () => net.connect(port, '127.0.0.1'))
  await Promise.all(
    sockets.map(async socket => {
      socket.on('error', () => undefined)
      await once(socket, 'connect')
      socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n')
    }),
  )
  return sockets
}

/** Ended or reset: a client that goes on writing sees either. `once` would throw for the latter. */
function closed(socket: net.Socket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on('error', () => undefined)
    socket.once('close', () => resolve()).resume()
    signal.addEventListener('abort', () => reject(signal.reason))
  })
}

const VIEW = { notReady: () => '', metrics: async () => '' }
async function healthOf(port: number): Promise<number> {
  const { status } = await fetch(`http://127.0.0.1:${port}/healthz`, { headers: { connection: 'close' } })
  return status
}

test('a hundred connections are held, and the next is refused until one of them goes', async () => {
  const server = await serveHealth(HERE, VIEW, 60_000)
  const slow = await slowClients(server.port, 99)
  try {
    assert.equal(await healthOf(server.port), 200)
    slow.push(...(await slowClients(server.port, 1)))
    await assert.rejects(healthOf(server.port))
    for (const socket of slow.splice(0, 2)) socket.destroy()
    let status: number | undefined
    for (let n = 0; n < 500 && status === undefined; n += 1) {
      status = await healthOf(server.port).catch(() => sleep(10, undefined))
    }
    assert.equal(status, 200)
  } finally {
    for (const socket of slow) socket.destroy()
    await server.close()
  }
})

test('who says nothing, half a request, or ever a little more of it, is not waited for', async () => {
  const server = await serveHealth(HERE, VIEW, 100)
  const sockets = await slowClients(server.port, 2)
  const drip = setInterval(() => sockets[0]?.write('x: y\r\n'), 20)
  sockets.push(net.connect(server.port, '127.0.0.1'))
  try {
    const signal = AbortSignal.timeout(10_000)
    await Promise.all(sockets.map(socket => closed(socket, signal)))
    assert.equal(await healthOf(server.port), 200)
  } finally {
    clearInterval(drip)
    for (const socket of sockets) socket.destroy()
    await server.close()
  }
})

test('who does not read his answer is not waited for', async () => {
  const metrics = 'podlace_x 1\n'.repeat(2_000_000)
  const server = await serveHealth(HERE, { ...VIEW, metrics: async () => metrics }, 100)
  const socket = net.connect(server.port, '127.0.0.1').on('error', () => undefined)
  try {
    socket.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n')
    // Who does not read sees by writing alone that nobody is there any more; empty lines are no request.
    for (let n = 0; n < 20 && !socket.destroyed; n += 1) {
      await sleep(300)
      socket.write('\r\n')
    }
    assert.ok(socket.destroyed)
  } finally {
    socket.destroy()
    await server.close()
  }
})

test('an address that is taken is named', async () => {
  const view = { notReady: () => '', metrics: async () => '' }
  const server = await serveHealth(HERE, view)
  try {
    await assert.rejects(
      serveHealth({ ...HERE, port: server.port }, view),
      error => hasCode(error, 'agent.health') && error.message.includes(`port ${server.port}`),
    )
  } finally {
    await server.close()
  }
})
