import assert from 'node:assert/strict'
import { openSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { hasCode } from '../base/index.ts'
import { closeFd } from './descriptor.ts'
import { NetlinkSocket, netlinkFromFd, openNetlink, openNetlinkFd } from './netlink-socket.ts'
import { Netns } from './netns.ts'

const openFds = () => readdirSync('/proc/self/fd').length
const code = (expected: string) => (error: unknown) => hasCode(error, expected)

/** NLMSG_NOOP that wants an acknowledgement: what the kernel answers to anybody. */
function noop(sequence: number): Uint8Array {
  const message = Buffer.alloc(16)
  message.writeUInt32LE(16, 0)
  message.writeUInt16LE(1, 4)
  message.writeUInt16LE(5, 6)
  message.writeUInt32LE(sequence, 8)
  return message
}

/** Sequence numbers of the replies. */
const sequences = (datagrams: Uint8Array[]) => datagrams.map(bytes => Buffer.from(bytes).readUInt32LE(8))

test('the own namespace opens without privilege and closes completely', () => {
  const before = openFds()
  const own = Netns.own()
  assert.ok(own.cookie > 0n)
  assert.match(own.readSysctl('ipv4/conf/lo/forwarding'), /^[01]$/)
  own.close()
  own.close()
  assert.throws(() => own.readSysctl('ipv4/conf/lo/forwarding'), code('sys.closed'))
  assert.equal(openFds(), before)
})

test('several requests in one datagram are answered in one exchange', async () => {
  const socket = openNetlink('route')
  const requests = Array.from({ length: 500 }, (_, index) => noop(index + 1))
  const expected = requests.map((_, index) => index + 1)
  assert.deepEqual(sequences(socket.exchange(Buffer.concat(requests))), expected)
  assert.deepEqual(sequences(await socket.exchangeInThread(Buffer.concat(requests))), expected)
  assert.deepEqual(sequences(socket.exchange(noop(9))), [9])
  socket.close()
})

test('a request buffer may be reused at once', async () => {
  const socket = openNetlink('route')
  const request = noop(1)
  const first = socket.exchangeInThread(request)
  const second = new Promise<Uint8Array[]>(resolve => {
    Buffer.from(request.buffer, request.byteOffset, 16).writeUInt32LE(2, 8)
    resolve(socket.exchangeInThread(request))
  })
  assert.deepEqual([sequences(await first), sequences(await second)], [[1], [2]])
  socket.close()
})

test('a refused send is an error of the exchange', async () => {
  const socket = new NetlinkSocket(openNetlinkFd(-1, 'route'))
  const tooLong = new Uint8Array(64 << 20)
  assert.throws(() => socket.exchange(tooLong), code('sys.emsgsize'))
  await assert.rejects(socket.exchangeInThread(tooLong), code('sys.emsgsize'))
  assert.deepEqual(sequences(await socket.exchangeInThread(noop(3))), [3])
  socket.close()
})

test('a passed socket serves one exchange at a time', async () => {
  const socket = netlinkFromFd(openNetlinkFd(-1, 'route'))
  const inThread = socket.exchangeInThread(noop(1))
  const queued = socket.exchangeInThread(noop(2))
  assert.throws(() => socket.exchange(noop(3)), code('sys.ebusy'))
  assert.deepEqual(sequences(await inThread), [1])
  assert.deepEqual(sequences(await queued), [2])
  assert.deepEqual(sequences(socket.exchange(noop(3))), [3])
  socket.close()
})

const file = () => openSync('/dev/null', 'r')
const netlink = (protocol: 'route' | 'netfilter') => openNetlinkFd(-1, protocol)
const rest = () => ({ netns: file(), ipv4: file(), core: file() })

test('passed descriptors are checked, and closed if they are not what they should be', () => {
  const before = openFds()
  assert.throws(
    () => Netns.fromFds({ ...rest(), route: file(), netfilter: netlink('netfilter') }),
    code('sys.enotsock'),
  )
  assert.throws(
    () => Netns.fromFds({ ...rest(), route: netlink('route'), netfilter: netlink('route') }),
    code('sys.bad-descriptor'),
  )
  assert.throws(
    () => Netns.fromFds({ ...rest(), route: netlink('route'), netfilter: file() }),
    code('sys.enotsock'),
  )
  assert.throws(() => netlinkFromFd(file()), code('sys.enotsock'))
  Netns.fromFds({ ...rest(), route: netlink('route'), netfilter: netlink('netfilter') }).close()
  assert.equal(openFds(), before)
})

test('closing a descriptor twice is reported, closing its owner twice is not', () => {
  const fd = openSync('/dev/null', 'r')
  closeFd(fd)
  assert.throws(() => closeFd(fd), code('sys.ebadf'))
})
