/** Opening what the UDP tunnel process carries packets with. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { afterEach, beforeEach, test } from 'node:test'
import { hasCode } from '../../src/base/index.ts'
import { closeFd, DatagramSocket, Netns, openSharedPort, openTun, socketIn } from '../../src/sys/index.ts'
import { openTunnelQueues } from '../../src/tunnel/index.ts'
import { inside, PORT } from './udp-nodes.ts'

let netns: Netns

beforeEach(() => {
  netns = Netns.create()
  inside(netns, 'ip', 'link', 'set', 'lo', 'up')
})

afterEach(() => netns.close())

const endpoint = { address: '127.0.0.1', port: PORT }
const openFds = () => readdirSync('/proc/self/fd').length

test('a device has as many queues as are asked for, and ends with them', () => {
  const before = openFds()
  const opened = openTunnelQueues({ device: 'flannel0', endpoint, count: 3, netns })
  assert.equal(opened.queues.length, 3)
  assert.match(inside(netns, 'ip', '-d', 'link', 'show', 'flannel0'), /vnet_hdr on multi_queue numqueues 3 /)
  opened.close()
  opened.close()
  assert.equal(openFds(), before)
  assert.throws(() => inside(netns, 'ip', 'link', 'show', 'flannel0'))
})

test('what cannot be opened leaves nothing behind', () => {
  const taken = DatagramSocket.udp(socketIn(netns, 'inet', 'datagram'))
  taken.bind(endpoint.address, PORT + 1)
  const single = openTun('single0', { netns })
  const before = openFds()
  const open = (device: string, port: number) =>
    openTunnelQueues({ device, endpoint: { ...endpoint, port }, count: 2, netns })
  assert.throws(
    () => open('flannel0', PORT + 1),
    error => hasCode(error, 'sys.eaddrinuse'),
  )
  assert.throws(
    () => open('single0', PORT),
    error => hasCode(error, 'sys.einval'),
  )
  assert.equal(openFds(), before)
  single.close()
  taken.close()
})

test('a port is shared by those who all share it', () => {
  const options = { bufferBytes: 1 << 20, netns }
  const fds = [1, 2].map(() => openSharedPort(endpoint.address, PORT, options))
  const other = DatagramSocket.udp(socketIn(netns, 'inet', 'datagram'))
  assert.throws(
    () => other.bind(endpoint.address, PORT),
    error => hasCode(error, 'sys.eaddrinuse'),
  )
  other.close()
  for (const fd of fds) closeFd(fd)
})
