import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasCode } from '../../base/index.ts'
import { addressOf, family, index, name, partial, prefixOfFamily, u16, u32, u64 } from '../arbitraries.ts'
import { acknowledgement, dumpEnd, dumpPart, FakeTransport } from '../fake-transport.ts'
import { readGeneric, startGeneric } from '../generic.ts'
import {
  decodeFamily,
  decodeWireguardPart,
  getFamily,
  getWireguardDevice,
  joinWireguardDevice,
  NetlinkClient,
  setWireguardDevice,
  type WireguardDevice,
  type WireguardPeer,
} from '../index.ts'
import type { Message } from '../messages.ts'
import { deviceAttributes } from './device.ts'

const wireguard = { id: 0x22, name: 'wireguard', version: 1, maxAttribute: 8 }
const secret = new Uint8Array(32).fill(3)

const key = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map(bytes => Buffer.from(bytes).toString('base64'))
const peer: fc.Arbitrary<WireguardPeer> = fc
  .record({
    publicKey: key,
    persistentKeepaliveSeconds: u16,
    lastHandshakeSeconds: u32,
    receivedBytes: u64,
    sentBytes: u64,
    allowedIps: fc.array(family.chain(prefixOfFamily), { maxLength: 4 }),
  })
  .chain(required =>
    partial({
      presharedKey: fc.uint8Array({ minLength: 32, maxLength: 32, min: 1 }),
      endpoint: family.chain(of =>
        fc.record({ address: addressOf(of), port: u16 }, { noNullPrototype: true }),
      ),
    }).map(more => ({ ...required, ...more })),
  )

/** As the kernel answers: what is the device's in the first message, peers in all. */
function told({ peers, ...device }: WireguardDevice, ...cuts: readonly WireguardPeer[][]): Message[] {
  return [peers, ...cuts].map((part, i) => {
    const writer = startGeneric({ command: 0, version: 1 })
    deviceAttributes.write(writer, { ...(i === 0 ? device : {}), peers: part })
    return { type: wireguard.id, flags: 2, sequence: 1, portId: 0, body: writer.finish() }
  })
}

const decodeDevice = (messages: readonly Message[]) => joinWireguardDevice(messages.map(decodeWireguardPart))

test('a device comes back from its bytes as it was, however many messages it takes', () => {
  const device = fc.record({ linkIndex: index, name, publicKey: key, listenPort: u16, firewallMark: u32 })
  const peers = fc.uniqueArray(peer, { selector: ({ publicKey }) => publicKey, maxLength: 6 })
  fc.assert(
    fc.property(device, peers, fc.nat(6), (value, all, cut) => {
      const messages = told({ ...value, peers: all.slice(0, cut) }, all.slice(cut))
      assert.deepEqual(decodeDevice(messages), { ...value, peers: all })
    }),
  )
})

test('a peer that goes on in the next message is one peer', () => {
  const common = { persistentKeepaliveSeconds: 0, lastHandshakeSeconds: 5, receivedBytes: 1n, sentBytes: 2n }
  const publicKey = Buffer.alloc(32, 2).toString('base64')
  const first = { ...common, publicKey, allowedIps: ['10.244.2.0/24'] }
  const rest = { ...first, lastHandshakeSeconds: 0, allowedIps: ['fd00:2::/64'] }
  const device = { linkIndex: 4, name: 'wg0', listenPort: 51820, firewallMark: 0 }
  const { peers } = decodeDevice(told({ ...device, peers: [first] }, [rest]))
  assert.deepEqual(peers, [{ ...first, allowedIps: ['10.244.2.0/24', 'fd00:2::/64'] }])
})

test('the private key that the kernel tells is not read, and zeros are no preshared key', () => {
  const writer = startGeneric({ command: 0, version: 1 })
  const publicKey = Buffer.alloc(32, 2).toString('base64')
  const unset = { publicKey, presharedKey: new Uint8Array(32) }
  deviceAttributes.write(writer, { linkIndex: 4, name: 'wg0', privateKey: secret, peers: [unset] })
  const message = { type: wireguard.id, flags: 2, sequence: 1, portId: 0, body: writer.finish() }
  const device = decodeDevice([message])
  assert.deepEqual(Object.keys(device).toSorted(), [
    'firewallMark',
    'linkIndex',
    'listenPort',
    'name',
    'peers',
  ])
  assert.ok(device.peers.every(read => !('presharedKey' in read)))
})

test('many peers and prefixes span messages, of which the first alone says the rest', () => {
  const allowedIps = Array.from({ length: 1300 }, (_, n) => `fd00:${(n + 1).toString(16)}::/64`)
  const peers = Array.from({ length: 400 }, (_, n) => ({
    publicKey: Buffer.from(`${n}`.padStart(32)).toString('base64'),
    replaceAllowedIps: true,
    allowedIps: n === 7 ? allowedIps : [`10.${n >> 8}.${n & 255}.0/24`],
  }))
  const spec = { linkIndex: 4, privateKey: secret, listenPort: 51820, peers }
  const requests = setWireguardDevice(wireguard, spec)
  assert.ok(requests.length > 1)
  assert.ok(requests.every(({ body }) => body.length < 64 * 1024 - 16))
  const said = requests.map(({ body }) =>
    deviceAttributes.read(readGeneric({ type: 0, flags: 0, sequence: 0, portId: 0, body }).rest),
  )
  assert.deepEqual(
    said.map(({ linkIndex, listenPort }) => [linkIndex, listenPort]),
    said.map((_, i) => (i === 0 ? [4, 51820] : [4, undefined])),
  )
  const parts = said.flatMap(part => part.peers ?? [])
  const ofSeventh = parts.filter(({ publicKey }) => publicKey === peers[7]?.publicKey)
  assert.deepEqual(
    ofSeventh.flatMap(part => part.allowedIps),
    allowedIps,
  )
  assert.deepEqual(
    ofSeventh.map(part => part.flags),
    [2, 4, 4],
  )
  assert.equal(new Set(parts.map(({ publicKey }) => publicKey)).size, 400)
})

test('a device without peers is one request, and no value of the wrong size becomes a message', () => {
  assert.equal(setWireguardDevice(wireguard, { linkIndex: 4, listenPort: 1 }).length, 1)
  for (const publicKey of ['', 'short', `${Buffer.alloc(31).toString('base64')}`, '!'.repeat(44)]) {
    assert.throws(
      () => setWireguardDevice(wireguard, { linkIndex: 4, peers: [{ publicKey }] }),
      error => hasCode(error, 'netlink.invalid-value'),
    )
  }
  const refused = () =>
    setWireguardDevice(wireguard, { linkIndex: 4, privateKey: new Uint8Array(31).fill(77) })
  assert.throws(refused, error => hasCode(error, 'netlink.invalid-value') && !String(error).includes('77'))
})

test('messages that are no device are malformed', () => {
  const [whole] = told({ linkIndex: 4, name: 'wg0', listenPort: 1, firewallMark: 0, peers: [] })
  assert.ok(whole !== undefined)
  const otherCommand = { ...whole, body: whole.body.with(0, 1) }
  for (const messages of [[], [otherCommand], [{ ...whole, body: whole.body.slice(0, 9) }]]) {
    assert.throws(
      () => decodeDevice(messages),
      error => hasCode(error, 'netlink.malformed'),
    )
  }
})

test('the client looks the family up, and dumps a device', async () => {
  const device = { linkIndex: 4, name: 'wg0', listenPort: 51820, firewallMark: 0, peers: [] }
  const [part] = told(device)
  const transport = new FakeTransport(message => {
    if (message.type !== 0x10)
      return [dumpPart(message, wireguard.id, part?.body ?? new Uint8Array()), dumpEnd(message)]
    const answer = startGeneric({ command: 1, version: 2 })
    answer.attribute(2, false, writer => writer.bytes(Buffer.from('wireguard\0')))
    answer.attribute(1, false, writer => writer.u16(wireguard.id))
    return [dumpPart(message, 0x10, answer.finish()), acknowledgement(message)]
  })
  const client = new NetlinkClient(transport)
  const [reply] = await client.send([getFamily('wireguard')])
  assert.ok(reply?.ok === true && reply.messages[0] !== undefined)
  const found = decodeFamily(reply.messages[0])
  assert.deepEqual([found.id, found.name], [0x22, 'wireguard'])
  assert.deepEqual(decodeDevice(await client.dump(getWireguardDevice(found, 4))), device)
})
