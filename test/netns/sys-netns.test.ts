/** The namespace bundle: opened by root, used without entering. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { readlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { hasCode } from '../../src/base/index.ts'
import { DatagramSocket, Netns, openTun, socketIn, unpin } from '../../src/sys/index.ts'
import { dumpLinks, getLink, setUp } from './sys-messages.ts'

const LO = 1
const OWN = '/proc/thread-self/ns/net'

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup()
})

function track<T extends { close(): void }>(resource: T): T {
  cleanups.push(() => resource.close())
  return resource
}

const create = () => track(Netns.create())
const openFds = () => readdirSync('/proc/self/fd').length
const code = (expected: string) => (error: unknown) => hasCode(error, expected)

/** nlmsg_type of the first message. */
const firstType = (datagrams: Uint8Array[]) => Buffer.from(datagrams[0] ?? []).readUInt16LE(4)
const NLMSG_ERROR = 2
const RTM_NEWLINK = 16

test('a new namespace is another one, and the thread is back home', async () => {
  const home = readlinkSync(OWN)
  const own = track(Netns.own())
  const netns = create()
  assert.notEqual(netns.cookie, own.cookie)
  assert.equal(readlinkSync(OWN), home)
  assert.notEqual(readlinkSync(`/proc/self/fd/${netns.fds.netns}`), home)
  assert.equal(track(Netns.own()).cookie, own.cookie)
  assert.notEqual(create().cookie, netns.cookie)
  assert.equal(await readlink(OWN), home, 'the threads of the pool live in the home namespace')
})

test('netlink in the namespace, synchronously and in a thread', async () => {
  const netns = create()
  assert.equal(firstType(netns.route.exchange(dumpLinks())), RTM_NEWLINK)
  assert.equal(firstType(await netns.route.exchangeInThread(getLink(LO))), RTM_NEWLINK)
  assert.equal(firstType(netns.route.exchange(getLink(77))), NLMSG_ERROR)
  assert.notEqual(netns.route.portId, 0)
  const reply = Buffer.from(netns.route.exchange(getLink(LO))[0] ?? [])
  assert.equal(reply.readUInt32LE(12), netns.route.portId)
})

test('an exchange need not wait for one in a thread, and closing waits for the thread', async () => {
  const before = openFds()
  const netns = Netns.create()
  const inThread = [1, 2, 3].map(() => netns.route.exchangeInThread(dumpLinks()))
  assert.equal(firstType(netns.route.exchange(getLink(LO))), RTM_NEWLINK)
  netns.close()
  for (const replies of await Promise.all(inThread)) assert.equal(firstType(replies), RTM_NEWLINK)
  await assert.rejects(netns.route.exchangeInThread(dumpLinks()), code('sys.closed'))
  assert.throws(() => netns.route.exchange(dumpLinks()), code('sys.closed'))
  assert.equal(openFds(), before)
})

test('exchanges aside run beside each other and the rest, and outlive the namespace', async () => {
  const before = openFds()
  const netns = Netns.create()
  const aside = Array.from({ length: 40 }, () => netns.route.exchangeAside(dumpLinks()))
  assert.equal(firstType(netns.route.exchange(getLink(LO))), RTM_NEWLINK)
  assert.equal(firstType((await aside[0]) ?? []), RTM_NEWLINK)
  netns.close()
  // Those that wait for a thread when the socket is closed are not begun any more.
  const outcomes = await Promise.allSettled(aside)
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') assert.equal(firstType(outcome.value), RTM_NEWLINK)
    else assert.ok(hasCode(outcome.reason, 'sys.closed'), String(outcome.reason))
  }
  await assert.rejects(netns.route.exchangeAside(dumpLinks()), code('sys.closed'))
  assert.equal(openFds(), before)
})

test('sysctls follow the bundle, not the process', () => {
  const own = track(Netns.own())
  const netns = create()
  const before = own.readSysctl('ipv4/conf/lo/rp_filter')
  const other = before === '2' ? '1' : '2'
  netns.writeSysctl('ipv4/conf/lo/rp_filter', other)
  assert.equal(netns.readSysctl('ipv4/conf/lo/rp_filter'), other)
  assert.equal(own.readSysctl('ipv4/conf/lo/rp_filter'), before)
  netns.writeSysctl('ipv6/conf/all/forwarding', '1')
  assert.equal(netns.readSysctl('ipv6/conf/all/forwarding'), '1')
  assert.match(netns.readSysctl('core/somaxconn'), /^\d+$/)
})

test("a sysctl of no link is the namespace's own as well", () => {
  const [netns, other] = [create(), create()]
  const path = 'ipv4/ip_unprivileged_port_start'
  netns.writeSysctl(path, '77')
  assert.equal(netns.readSysctl(path), '77')
  assert.equal(other.readSysctl(path), '1024')
  assert.notEqual(readFileSync(`/proc/sys/net/${path}`, 'utf8').trim(), '77')
})

test('sysctls of any directory that is the namespace’s own are in reach', () => {
  const [netns, other] = [create(), create()]
  const path = 'unix/max_dgram_qlen'
  netns.writeSysctl(path, '77')
  assert.equal(netns.readSysctl(path), '77')
  assert.notEqual(other.readSysctl(path), '77')
  assert.notEqual(readFileSync(`/proc/sys/net/${path}`, 'utf8').trim(), '77')
  // The name of a socket of the bundle as well.
  assert.match(netns.readSysctl('netfilter/nf_log/0'), /./)
})

test('a sysctl path leads nowhere else', () => {
  const netns = create()
  for (const path of [
    'xfrm/acq_expires',
    'ipv4',
    'ipv4x',
    'nf_conntrack_max',
    'core/',
    'ipv4/conf/../ip_forward',
    'core//x',
    '/etc/passwd',
    '',
  ])
    assert.throws(() => netns.readSysctl(path), code('sys.bad-path'), path)
  assert.throws(() => netns.readSysctl('ipv4/conf'), code('sys.eisdir'))
  assert.throws(() => netns.readSysctl('ipv4/conf/nolink/forwarding'), code('sys.enoent'))
  assert.throws(() => netns.writeSysctl('ipv4/conf/lo/forwarding', 'maybe'), code('sys.einval'))
})

test('a namespace is pinned on a file, found there, and unpinned', () => {
  const directory = mkdtempSync(join(tmpdir(), 'podlace-sys-'))
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }))
  const path = join(directory, 'pod')
  const netns = create()
  netns.pin(path)
  try {
    assert.equal(track(Netns.open(path)).cookie, netns.cookie)
    assert.throws(() => netns.pin(path), /EEXIST|exists/)
  } finally {
    unpin(path)
  }
  assert.throws(() => Netns.open(path), code('sys.enoent'))
  writeFileSync(path, '')
  assert.throws(() => Netns.open(path), code('sys.einval'))
  assert.throws(() => Netns.open('/dev/null'), code('sys.einval'))
  assert.throws(() => netns.pin(join(directory, 'missing', 'pod')), /ENOENT/)
})

test('sockets made inside stay inside', async () => {
  const netns = create()
  netns.route.exchange(setUp(LO, true))
  const server = track(DatagramSocket.udp(socketIn(netns, 'inet', 'datagram')))
  const client = track(DatagramSocket.udp(socketIn(netns, 'inet', 'datagram')))
  server.bind('127.0.0.1', 4000)
  const echoed = new Promise<string>(resolve => {
    server.onMessage((bytes, from) => server.send(bytes, from.address, from.port))
    client.onMessage((bytes, from) => resolve(`${Buffer.from(bytes)} ${from.address} ${from.port}`))
  })
  assert.equal(client.send(Buffer.from('hello'), '127.0.0.1', 4000), true)
  assert.equal(await echoed, 'hello 127.0.0.1 4000')
  const home = createSocket('udp4')
  home.bind(0, '127.0.0.1')
  await once(home, 'listening')
  assert.equal(client.send(Buffer.from('x'), '127.0.0.1', home.address().port), true, 'nobody hears it')
  home.close()
  assert.throws(() => client.send(Buffer.from('x'), '192.0.2.1', 1), code('sys.enetunreach'))
})

test('raw ICMP comes without the IP header, for both families', async () => {
  const netns = create()
  netns.route.exchange(setUp(LO, true))
  const echo = new Uint8Array([8, 0, 0xf7, 0xff, 0, 0, 0, 0])
  const v4 = track(DatagramSocket.icmp(socketIn(netns, 'inet', 'raw', 1)))
  const types = new Promise<number[]>(resolve => {
    const seen: number[] = []
    v4.onMessage(bytes => {
      seen.push(bytes[0] ?? -1)
      if (seen.length === 2) resolve(seen.sort())
    })
  })
  assert.equal(v4.send(echo, '127.0.0.1'), true)
  assert.deepEqual(await types, [0, 8])
  const v6 = track(DatagramSocket.icmp(socketIn(netns, 'inet6', 'raw', 58)))
  const first = new Promise<number>(resolve => v6.onMessage(bytes => resolve(bytes[0] ?? -1)))
  assert.equal(v6.send(new Uint8Array([128, 0, 0, 0, 0, 0, 0, 0]), '::1'), true)
  assert.equal(await first, 128)
})

test('a TUN device is made in the namespace and goes with its descriptor', () => {
  const netns = create()
  const tun = track(openTun('tun7', { netns }))
  assert.equal(tun.name, 'tun7')
  assert.equal(netns.readSysctl('ipv4/conf/tun7/forwarding'), '0')
  assert.throws(() => openTun('tun7', { netns }), code('sys.ebusy'))
  assert.throws(() => openTun('a-name-too-long-for-a-link', { netns }), TypeError)
  tun.close()
  assert.throws(() => netns.readSysctl('ipv4/conf/tun7/forwarding'), code('sys.enoent'))
  openTun('tun8', { netns, persistent: true, multiQueue: true }).close()
  assert.equal(netns.readSysctl('ipv4/conf/tun8/forwarding'), '0')
})

test('what a link leaves to its device is read, and what cannot be changed is refused', () => {
  using netns = Netns.create()
  assert.equal(netns.readTxChecksum('lo'), true)
  assert.throws(() => netns.writeTxChecksum('lo', false), code('sys.eopnotsupp'))
  assert.throws(() => netns.readTxChecksum('nobody'), code('sys.enodev'))
  assert.throws(() => netns.readTxChecksum('a-name-of-16-byt'), TypeError)
})
