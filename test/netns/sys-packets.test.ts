/** Packet sockets on real links. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { macToBytes } from '../../src/ip/index.ts'
import { addLink, decodeLink, getLink, NetlinkClient, setLink } from '../../src/netlink/index.ts'
import { decodeUdpIpv4, encodeUdpIpv4 } from '../../src/packet/index.ts'
import { DatagramSocket, Netns, PacketSocket, socketIn } from '../../src/sys/index.ts'
import { eventually, ip } from './agent-nodes.ts'

const BROADCAST = new Uint8Array(6).fill(0xff)
const packet = (targetPort: number, text: string) =>
  encodeUdpIpv4({
    source: '0.0.0.0',
    target: '255.255.255.255',
    sourcePort: 4000,
    targetPort,
    payload: Buffer.from(text),
  })

let left: Netns
let right: Netns
let leftLink: { readonly index: number; readonly mac: string }
let rightLink: typeof leftLink

before(async () => {
  left = Netns.create()
  right = Netns.create()
  const add = addLink({ name: 'l0', info: { kind: 'veth', peer: { name: 'r0', netnsFd: right.fds.netns } } })
  const [made] = await new NetlinkClient(left.route).send([add])
  assert.ok(made?.ok)
  for (const [netns, name] of [
    [left, 'l0'],
    [right, 'r0'],
  ] as const) {
    await new NetlinkClient(netns.route).send([setLink({ name }, { up: true })])
  }
  leftLink = await runningLink(left, 'l0')
  rightLink = await runningLink(right, 'r0')
})

after(() => {
  left.close()
  right.close()
})

/** What is sent before a link has its carrier is lost. */
function runningLink(netns: Netns, name: string): Promise<typeof leftLink> {
  return eventually(`${name} to run`, async () => {
    const [reply] = await new NetlinkClient(netns.route).send([getLink({ name })])
    const link = reply?.ok ? reply.messages.map(decodeLink)[0] : undefined
    return link?.operState === 'up' && link.mac !== undefined
      ? { index: link.index, mac: link.mac }
      : undefined
  })
}

/** What a socket hears, as texts with the sender's MAC. */
function record(socket: PacketSocket): string[] {
  const heard: string[] = []
  socket.onPacket((bytes, from) => {
    const read = decodeUdpIpv4(bytes, from.hasChecksum)
    const text = typeof read === 'string' ? read : Buffer.from(read.payload).toString()
    heard.push(`${text} from ${Buffer.from(from.mac).toString('hex')}`)
  })
  return heard
}

const plain = (mac: string) => mac.replaceAll(':', '')

test('what is for the port arrives, and nothing else does', async () => {
  const a = PacketSocket.open(left, leftLink.index, 68)
  const b = PacketSocket.open(right, rightLink.index, 68)
  try {
    const [heardLeft, heardRight] = [record(a), record(b)]
    const fragment = Buffer.from(packet(68, 'fragment'))
    fragment.writeUInt16BE(1, 6)
    for (const bytes of [packet(67, 'other port'), fragment, Buffer.from('4'), packet(68, 'to all')])
      assert.ok(a.send(bytes, BROADCAST))
    assert.ok(a.send(packet(68, 'to another MAC'), macToBytes('02:00:00:00:00:99')))
    assert.ok(a.send(packet(68, 'to you'), macToBytes(rightLink.mac)))
    await eventually('two packets', async () => (heardRight.length >= 2 ? true : undefined))
    const from = plain(leftLink.mac)
    assert.deepEqual(heardRight, [`to all from ${from}`, `to you from ${from}`])
    assert.ok(b.send(packet(68, 'back'), macToBytes(leftLink.mac)))
    await eventually('an answer', async () => (heardLeft.length >= 1 ? true : undefined))
    // Not what it has sent itself.
    assert.deepEqual(heardLeft, [`back from ${plain(rightLink.mac)}`])
  } finally {
    a.close()
    b.close()
  }
})

test('a checksum that the kernel has not made yet is not missed', async () => {
  ip(left, 'address add 10.9.0.1/24 dev l0')
  ip(right, 'address add 10.9.0.2/24 dev r0')
  const sender = DatagramSocket.udp(socketIn(left, 'inet', 'datagram'))
  const receiver = PacketSocket.open(right, rightLink.index, 68)
  try {
    const heard = record(receiver)
    assert.ok(sender.send(Buffer.from('by the stack'), '10.9.0.2', 68))
    await eventually('the datagram', async () => (heard.length > 0 ? true : undefined))
    assert.deepEqual(heard, [`by the stack from ${plain(leftLink.mac)}`])
  } finally {
    sender.close()
    receiver.close()
  }
})

test('a link that is not there, or down, is an error', async () => {
  assert.throws(() => PacketSocket.open(left, 999, 68), { code: 'sys.enodev' })
  const socket = PacketSocket.open(left, leftLink.index, 68)
  try {
    socket.onPacket(() => {})
    const client = new NetlinkClient(left.route)
    await client.send([setLink({ index: leftLink.index }, { up: false })])
    assert.throws(() => socket.send(packet(68, 'down'), BROADCAST), { code: 'sys.enetdown' })
    await client.send([setLink({ index: leftLink.index }, { up: true })])
    // The kernel tells of it once more, on the socket.
    const sent = () => {
      try {
        return socket.send(packet(68, 'up'), BROADCAST)
      } catch {
        return false
      }
    }
    await eventually('the link to be up again', async () => sent() || undefined)
  } finally {
    socket.close()
  }
  assert.throws(() => socket.send(packet(68, 'closed'), BROADCAST), { code: 'sys.closed' })
})
