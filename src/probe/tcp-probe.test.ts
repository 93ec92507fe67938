import assert from 'node:assert/strict'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { after, describe, it } from 'node:test'
import { systemClock } from '../base/index.ts'
import { probeTcp } from './tcp-probe.ts'

const servers: Server[] = []
after(() => {
  for (const server of servers) server.close()
})

/** A server on the loopback that treats each connection as it is told; resolves to its port. */
async function serve(treat: (socket: Socket) => void): Promise<number> {
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    treat(socket)
  })
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return address.port
}

const probe = (port: number, timeoutMs = 5_000) =>
  probeTcp(systemClock, () => connect(port, '127.0.0.1'), 'hello', { timeoutMs })

function connectNowhere(): Socket {
  throw new Error('no such namespace')
}

/** `systemClock`'s timers do not keep a process alive; the test's must. */
const alive = setInterval(() => undefined, 1_000)
after(() => clearInterval(alive))

describe('probeTcp', () => {
  it('gets its line back', async () => {
    const outcome = await probe(await serve(socket => void socket.pipe(socket)))
    assert.ok(outcome.ok && outcome.rttMs > 0)
  })

  it('takes an echo that comes in pieces', async () => {
    const port = await serve(socket => {
      socket.write('hel')
      setTimeout(() => socket.write('lo\n'), 5)
    })
    assert.ok((await probe(port)).ok)
  })

  it('notices a wrong echo', async () => {
    const port = await serve(socket => void socket.write('goodbye\n'))
    assert.deepEqual(await probe(port), { ok: false, reason: 'the echo was not what was sent' })
  })

  it('notices a server that hangs up', async () => {
    const port = await serve(socket => void socket.end())
    assert.deepEqual(await probe(port), { ok: false, reason: 'closed without an echo' })
  })

  it('does not wait for ever', async () => {
    const port = await serve(() => undefined)
    assert.deepEqual(await probe(port, 20), { ok: false, reason: 'no echo within 20 ms' })
  })

  it('tells that nobody listens', async () => {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    await new Promise(resolve => server.close(resolve))
    assert.ok(typeof address === 'object' && address !== null)
    const outcome = await probe(address.port)
    assert.ok(!outcome.ok && /ECONNREFUSED/.test(outcome.reason))
  })

  it('tells that it could not even begin', async () => {
    const outcome = await probeTcp(systemClock, connectNowhere, 'hello', { timeoutMs: 100 })
    assert.deepEqual(outcome, { ok: false, reason: 'no such namespace' })
  })
})
