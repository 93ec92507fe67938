import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { hasCode } from '../base/index.ts'
import { ErrorQueueSocket, type IcmpError } from './error-queue-socket.ts'

/** Above the ports that the kernel gives out by itself, and nobody's. */
const CLOSED_PORT = 64_999

const hasIpv6Loopback = networkInterfaces()['lo']?.some(({ address }) => address === '::1') ?? false

/** Sends, and waits for what ICMP says of it. */
async function told(
  family: 4 | 6,
  address: string,
  text: string,
  send: 'send' | 'sendSummed' = 'send',
): Promise<IcmpError> {
  const { promise, resolve } = Promise.withResolvers<IcmpError>()
  const socket = new ErrorQueueSocket(family, resolve)
  try {
    assert.equal(socket[send](Buffer.from(text), address, CLOSED_PORT), undefined)
    return await promise
  } finally {
    socket.close()
  }
}

test('a closed port answers with what was sent to it', async () => {
  const { quoted, ...error } = await told(4, '127.0.0.1', 'who is there?')
  assert.equal(Buffer.from(quoted).toString(), 'who is there?')
  const expected = {
    address: '127.0.0.1',
    port: CLOSED_PORT,
    type: 3,
    code: 3,
    mtu: 0,
    offender: '127.0.0.1',
  }
  assert.deepEqual(error, expected)
})

test('a closed port of IPv6 answers', { skip: !hasIpv6Loopback && 'no IPv6 on loopback' }, async () => {
  const { quoted, ...error } = await told(6, '::1', 'and here?')
  assert.equal(Buffer.from(quoted).toString(), 'and here?')
  assert.deepEqual(error, { address: '::1', port: CLOSED_PORT, type: 1, code: 4, mtu: 0, offender: '::1' })
})

test('a datagram whose checksum is computed here is one datagram, whole', async () => {
  const { quoted } = await told(4, '127.0.0.1', 'all of it', 'sendSummed')
  assert.equal(Buffer.from(quoted).toString(), 'all of it')
  if (!hasIpv6Loopback) return
  const { quoted: quoted6 } = await told(6, '::1', 'here too', 'sendSummed')
  assert.equal(Buffer.from(quoted6).toString(), 'here too')
})

test('answers to earlier datagrams do not fail later ones, and none is lost', async () => {
  const heard: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const socket = new ErrorQueueSocket(4, ({ quoted }) => {
    heard.push(Buffer.from(quoted).toString())
    if (heard.length === 20) resolve()
  })
  const texts = Array.from({ length: 20 }, (_, n) => `number ${n}`)
  for (const text of texts) assert.equal(socket.send(Buffer.from(text), '127.0.0.1', CLOSED_PORT), undefined)
  await promise
  socket.close()
  assert.deepEqual(heard, texts)
})

test('what the kernel refuses to send is named, and a closed socket is an error', () => {
  const socket = new ErrorQueueSocket(4, () => {})
  assert.equal(socket.send(new Uint8Array(65_508), '127.0.0.1', CLOSED_PORT), 'EMSGSIZE')
  assert.equal(socket.sendSummed(new Uint8Array(65_508), '127.0.0.1', CLOSED_PORT), 'EMSGSIZE')
  assert.equal(socket.sendSummed(new Uint8Array(4), '127.0.0.1', CLOSED_PORT), undefined)
  socket.close()
  socket.close()
  assert.throws(
    () => socket.send(new Uint8Array(1), '127.0.0.1', CLOSED_PORT),
    (error: unknown) => hasCode(error, 'sys.closed'),
  )
})
